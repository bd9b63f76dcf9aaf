/** The Grafana dashboard of the examples, as a file; test/live/{dashboard,promtool}.test.ts ask its queries. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { HOST, rate, series } from '../scripts/dashboard/promql.ts';
import { DASHBOARD, dashboardJson } from '../scripts/dashboard.ts';
import { selfMetrics } from '../src/metrics/catalogue.ts';
import { allMetrics } from '../src/receivers/index.ts';
import { metrics as oom } from '../src/receivers/oom/metrics.ts';
import { latencyOf } from '../src/receivers/overlayfs/metrics.ts';
import { metrics as pressure } from '../src/receivers/pressure/metrics.ts';
import { nameOf, queriesOf, readDashboard, substitute } from './support/grafana.ts';

suite('the Grafana dashboard', () => {
  const dashboard = readDashboard();

  test('is that of the catalogue (npm run docs writes it)', () => {
    assert.equal(readFileSync(DASHBOARD, 'utf8'), dashboardJson());
  });

  test('shows every metric there is', () => {
    const text = queriesOf(dashboard)
      .map(({ expr }) => expr)
      .join('\n');
    const hidden = allMetrics.filter(({ name }) => !new RegExp(`\\b${name}(_bucket|_count)?\\b`).test(text));
    assert.deepEqual(
      hidden.map(({ name }) => name),
      [],
    );
  });

  test('has only panels that Grafana 11 and 12 have, each with a unit and an explanation', () => {
    const current = ['row', 'stat', 'heatmap', 'table', 'timeseries', 'state-timeline'];
    for (const { type, title, description = '', ...panel } of dashboard.panels) {
      assert.ok(current.includes(type), type);
      if (type === 'row') continue;
      assert.ok(description.length > 20, title);
      if (type !== 'state-timeline') assert.match(JSON.stringify(panel), /"unit":"[^"]+"|"id":"unit"/, title);
    }
  });

  test('has panels that do not lie on each other, within 24 columns', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(taken.get(`${x},${y}`), undefined, `${title} lies on another panel`);
          taken.set(`${x},${y}`, title);
        }
      }
    }
    assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  });

  test('asks no question in two panels', () => {
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    assert.deepEqual(
      asked.filter((expr, index) => asked.indexOf(expr) !== index),
      [],
    );
  });

  const id = '5f0c7d3e9a1b'.padEnd(64, '0');
  const cgroup = `/kubepods.slice/cri-containerd-${id}.scope`;
  const container = { container_id: id, cgroup };
  const called: [string, Record<string, string>, string][] = [
    ['pod and name', { k8s_pod_name: 'shop-0', container_name: 'web', ...container }, 'shop-0/web'],
    ['name', { container_name: 'web', ...container }, 'web'],
    ['id', container, '5f0c7d3e9a1b'],
    ['cgroup', { cgroup: '/system.slice/ssh.service' }, '/system.slice/ssh.service'],
    ['place in the overflow series', { otel_metric_overflow: 'true' }, 'all that did not fit'],
  ];
  for (const [what, labels, name] of called) {
    test(`calls a container by its ${what} where no better name is known`, () => {
      const names = ['reads, p99', 'Share of time waiting for memory', 'Trigger → victim'].map((panel) => {
        const query = queriesOf(dashboard).findLast((query) => query.panel === panel);
        assert.ok(query, panel);
        return nameOf(query, { instance: 'node', trigger_comm: 'sh', victim_comm: 'java', ...labels });
      });
      assert.deepEqual(names, [`${name} · node`, `some tasks of ${name} · node`, `sh → java · ${name}`]);
    });
  }

  test('uses no variable that it does not have', () => {
    const own = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const { expr } of queriesOf(dashboard)) {
      for (const [, name = ''] of expr.matchAll(/\$([a-z]\w*)/g)) assert.ok(own.has(name), name);
    }
  });
});

suite('queries made of the catalogue', () => {
  test('choose by attributes that the metric has, and refuse all others', () => {
    const { read: readLatency } = latencyOf;
    const { kills: oomKills } = oom;
    const { score: pressureScore } = pressure;
    assert.equal(
      series(oomKills, { victim_comm: '!=""' }),
      'floatie_oom_kills_total{instance=~"$instance", cgroup=~"$cgroup", container_name=~"$container", victim_comm!=""}',
    );
    assert.equal(series(pressureScore, HOST), 'floatie_memory_pressure_score{instance=~"$instance", scope="host"}');
    assert.equal(series(selfMetrics.residentMemory), 'process_resident_memory_bytes{instance=~"$instance"}');
    assert.throws(() => series(oomKills, { victim: '="a"' }), /floatie_oom_kills_total has no attribute "victim"/);
    assert.throws(() => series(readLatency), /has no part ""/);
    assert.throws(() => series(oomKills, {}, '_bucket'), /has no part "_bucket"/);
  });

  test('of histograms count operations', () => {
    assert.match(rate(latencyOf.read), /^rate\(floatie_overlayfs_read_latency_us_count\{.*\}\[\$__rate_interval\]\)$/);
  });

  test('get from Grafana what its documentation says', () => {
    const view = { rangeS: 3600, stepS: 15, scrapeS: 15, variables: { instance: 'a|b' } };
    assert.equal(
      substitute(
        'f("$1", x{instance=~"$instance", cgroup=~"$cgroup"}[$__rate_interval]) + y[$__range:$__interval]',
        view,
      ),
      'f("$1", x{instance=~"a|b", cgroup=~".*"}[60s]) + y[3600s:15s]',
    );
    assert.match(substitute('$__rate_interval', { ...view, stepS: 60 }), /^75s$/);
    assert.throws(() => substitute('$nothing', view), /no variable "nothing"/);
  });
});
