/** The Prometheus rules of the examples and a query of the dashboard, tried by Prometheus' own promtool. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { queriesOf, readDashboard, substitute } from '../support/grafana.ts';
import { peer } from '../support/peers.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');

test('the Prometheus rules do what they say', () => {
  for (const [folder = '', ...args] of [
    ['prometheus', 'test', 'rules', 'alerts.test.yml'],
    ['prometheus', 'check', 'rules', '--lint=all', '--lint-fatal', 'alerts.yml'],
    ['prometheus', 'check', 'config', 'prometheus.yml'],
    ['fleet', 'test', 'rules', 'rules.test.yml'],
    ['fleet', 'check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml'],
  ]) {
    const promtool = join(peer('prometheus'), 'promtool');
    const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: join(EXAMPLES, folder), encoding: 'utf8' });
    assert.equal(status, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`);
  }
});

suite('the OOM kills that the dashboard shows', () => {
  const victim = 'trigger_comm="sh",victim_comm="java",scope="memcg",cgroup="/a"';
  // Scraped every 15 s, for an hour.
  const stories: [string, Record<string, string>, number][] = [
    ['are one of a victim that is born with it', { '': '0x239', [victim]: '_x40 1x199' }, 1],
    ['are none again after a gap of scrapes', { '': '0x39 _x80 0x119', [victim]: '_x10 1x29 _x80 1x119' }, 1],
    ['are those within a gap, too', { '': '0x39 _x80 0x119', [victim]: '_x10 1x29 _x80 3x119' }, 3],
    ['are none again where a single scrape failed', { '': '0x39 stale 0x198', [victim]: '_x10 1x29 stale 1x198' }, 1],
    ['go on when a series ended and came again', { '': '0x239', [victim]: '_x10 1x29 stale _x79 1x119' }, 2],
  ];
  for (const [title, values, expected] of stories) {
    test(title, () => assert.equal(countByPromtool({ values, start: '0x239' }, expected), 'SUCCESS'));
  }

  test('go on when Floatie starts again, also with as many as before', () => {
    const values = { '': '0x39 _x1 0x198', [victim]: '_x10 1x29 _x1 1x198' };
    assert.equal(countByPromtool({ values, start: '0x39 _x1 610x198' }, 2), 'SUCCESS');
  });

  test('are none again where the clock is set under Floatie', () => {
    const values = { '': '0x239', [victim]: '_x10 1x229' };
    assert.equal(countByPromtool({ values, start: '-7200x100 0x138' }, 1), 'SUCCESS');
  });
});

/** @returns what promtool says of the number of OOM kills in the last hour, which it expects to be this one */
function countByPromtool(
  { values, start }: { readonly values: Readonly<Record<string, string>>; readonly start: string },
  expected: number,
): string {
  const query = queriesOf(readDashboard()).find(({ panel }) => panel === 'OOM kills');
  const expr = substitute(query?.expr ?? '', { rangeS: 3600, stepS: 15, scrapeS: 15 });
  const target = 'job="floatie",instance="node"';
  const input_series = Object.entries(values).map(([labels, values]) => ({
    series: `floatie_oom_kills_total{${target}${labels === '' ? '' : ','}${labels}}`,
    values,
  }));
  input_series.push({ series: `process_start_time_seconds{${target}}`, values: start });
  const samples = [{ labels: '{}', value: expected }];
  const promql_expr_test = [{ expr, eval_time: '59m45s', exp_samples: samples }];
  const directory = mkdtempSync(join(tmpdir(), 'floatie-dashboard-'));
  try {
    const file = join(directory, 'kills.test.yml');
    writeFileSync(file, JSON.stringify({ tests: [{ interval: '15s', input_series, promql_expr_test }] }));
    const { stdout, stderr } = spawnSync(join(peer('prometheus'), 'promtool'), ['test', 'rules', file], {
      encoding: 'utf8',
    });
    return (stdout + stderr).trim();
  } finally {
    rmSync(directory, { recursive: true });
  }
}
