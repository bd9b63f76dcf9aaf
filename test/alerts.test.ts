/** The Prometheus rules of the examples, as a file; test/live/promtool.test.ts tries them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allMetrics } from '../src/receivers/index.ts';
import { readRules } from './support/rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');

suite('the Prometheus rules', () => {
  const rules = readRules();
  const ofFleet = readRules(join(EXAMPLES, 'fleet/rules.yml'));
  const alerts = rules.filter(({ alert }) => alert !== undefined);

  test('are each tried by promtool', () => {
    const tests = readFileSync(join(EXAMPLES, 'prometheus/alerts.test.yml'), 'utf8');
    for (const { alert, record, labels } of rules) {
      assert.ok(tests.includes(`${alert ?? record}`), alert ?? record);
      for (const value of Object.values(labels ?? {})) assert.match(tests, new RegExp(`\\b${value}\\b`), value);
    }
    const testsOfFleet = readFileSync(join(EXAMPLES, 'fleet/rules.test.yml'), 'utf8');
    for (const { record } of ofFleet) assert.ok(testsOfFleet.includes(`${record}`), record);
  });

  test('name only metrics that Floatie, Prometheus or they themselves make', () => {
    const made = rules.flatMap(({ record }) => record ?? []);
    const floaties = allMetrics.flatMap(({ name, kind }) =>
      kind === 'histogram' ? ['_bucket', '_count', '_sum'].map((part) => name + part) : name,
    );
    const known = new Set(['up', ...made, ...floaties]);
    for (const { expr } of [...rules, ...ofFleet]) {
      for (const [name] of expr.matchAll(/\b(?:floatie|process)[_:][\w:]+/g)) assert.ok(known.has(name), name);
    }
  });

  test('of alerts all say what happened and where to read on', () => {
    for (const { alert, annotations = {} } of alerts) {
      const { summary = '', description = '', runbook_url: runbook = '' } = annotations;
      assert.ok(summary.length > 10 && description.length > 10, alert);
      const [file = '', anchor] = runbook.split('#');
      assert.ok(existsSync(join(ROOT, file)), runbook);
      const headings = readFileSync(join(ROOT, file), 'utf8').matchAll(/^#+ (.*)$/gm);
      const anchors = Array.from(headings, ([, text = '']) => text.toLowerCase().replaceAll(' ', '-'));
      assert.ok(anchors.includes(anchor ?? ''), runbook);
    }
  });
});
