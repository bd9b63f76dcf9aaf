/** Tests that each query of a dashboard, and each condition of an alert, gets an answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './eventually.ts';
import { nameOf, type Query } from './grafana.ts';
import type { Monitoring } from './monitoring.ts';
import type { Rule } from './rules.ts';

export interface Expected {
  /** Metrics whose queries have nothing to show, with the reason why that is right. */
  readonly nothing: Readonly<Record<string, string>>;
  /** Metrics that are there and stand still: their queries are asked without the comparison at the end. */
  readonly still: readonly string[];
  /** Alerts that fire, by their `reason` where they have that label; of the others what they compare is asked. */
  readonly firing: readonly string[];
  /** Alerts that what else runs on the machine decides about: promtool tries them. */
  readonly either: readonly string[];
}

export function testQueries(queries: readonly Query[], expected: Expected, monitoring: () => Monitoring): void {
  for (const query of queries) {
    const name = `"${query.panel}"${query.legend === '' || query.legend === '__auto' ? '' : `, ${query.legend},`}`;
    const nothing = Object.entries(expected.nothing).find(([metric]) => query.expr.includes(metric));
    if (nothing !== undefined) {
      test(`${name} shows nothing, because ${nothing[1]}`, async () =>
        assert.deepEqual(await monitoring().ask(query), []));
      continue;
    }
    const isStill = expected.still.some((metric) => query.expr.includes(metric));
    const expr = isStill ? query.expr.replace(/ > 0$/, '') : query.expr;
    test(`${name} shows data`, async () => {
      const series = await eventually(
        `there is data for ${query.expr}`,
        async () => {
          const found = await monitoring().ask({ ...query, expr });
          return found.length > 0 && found;
        },
        40_000,
      );
      for (const { metric } of series) {
        // Between the separators stand the names of a container, of which few have all.
        for (const [, label = ''] of query.legend.replace(/¦.*¦/, '').matchAll(/\{\{(\w+)\}\}/g)) {
          assert.ok(metric[label] !== undefined, `${label} is missing of ${JSON.stringify(metric)}`);
        }
        assert.doesNotMatch(nameOf(query, metric), /¦/);
      }
    });
  }
}

export function testRules(rules: readonly Rule[], { firing, either }: Expected, monitoring: () => Monitoring): void {
  for (const { alert, expr, labels: { reason } = {} } of rules) {
    if (alert === undefined || either.includes(alert)) continue;
    const name = reason === undefined ? alert : `${alert}, ${reason},`;
    if (firing.includes(reason ?? alert)) {
      test(`${name} is raised`, async () => {
        await eventually(
          'it is pending or fires',
          async () => {
            const states = await monitoring().prometheus.rules();
            const mine = states.filter((rule) => rule.name === alert && rule.labels?.reason === reason);
            return mine.some(({ state }) => state === 'pending' || state === 'firing');
          },
          60_000,
        );
      });
    } else {
      test(`${name} is quiet, and what it compares is there`, async () => {
        const { prometheus } = monitoring();
        assert.deepEqual(await prometheus.query(expr), []);
        for (const operand of operandsOf(expr)) {
          assert.notDeepEqual(await prometheus.query(operand), [], operand);
        }
      });
    }
  }

  test('every rule is one that Prometheus can evaluate', async () => {
    const states = await monitoring().prometheus.rules();
    assert.equal(states.length, rules.length);
    for (const { name, health, lastError } of states) assert.equal(health, 'ok', `${name}: ${lastError}`);
  });
}

/** What the conditions of an alert compare. */
function operandsOf(expr: string): string[] {
  return expr
    .split(/ or | and | (?:==|>|>=) (?:on \([^)]*\) group_left \(\) )?(?:[\d.]+ \* )?/)
    .map((part) => part.trim())
    .filter((part) => !/^[\d.]+$/.test(part));
}
