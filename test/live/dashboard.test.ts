/** The dashboard's queries and the alerts' conditions, asked of a real Prometheus that scrapes real Floaties under load. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { type Expected, testQueries, testRules } from '../support/answers.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Query, queriesOf, readDashboard, substitute } from '../support/grafana.ts';
import { type Monitoring, startMonitoring } from '../support/monitoring.ts';
import { missing } from '../support/requirements.ts';
import { RULES, readRules } from '../support/rules.ts';
import { sendAs, start } from '../support/sigkills.ts';

const EXPECTED: Expected = {
  nothing: {
    floatie_pressure_unavailable: 'the pressure of this host can be read',
    floatie_overlayfs_async_total: 'nothing here is asynchronous',
    floatie_job_errors_total: 'no job of Floatie fails here',
    floatie_cpu_throttled_seconds_total: 'no container here has a limit of CPU',
    floatie_memory_under_oom: 'no container here has its OOM killer switched off',
    floatie_pressure_containers_left_out: 'every container has a score',
  },
  still: ['floatie_memory_major_faults_total', 'floatie_probe_misses_total', 'floatie_http_dropped_total'],
  firing: ['FloatieOverlayfsSlow', 'FloatieOverlayfsFull', 'FloatieOomKill', 'FloatieKilled', 'absent', 'overflow'],
  // The archive waits for its disk about half of the time, which is what the last but one asks for; of the last one
  // there is nothing to compare.
  either: ['FloatieMemoryRunsOut', 'FloatieMemoryNearMisses', 'FloatieWaitsFor', 'FloatieMemoryStandstill'],
};

suite('the dashboard and the alerts', { skip: missing('root', 'btf', 'fuse', 'pressure') }, () => {
  let monitoring: Monitoring;
  before(async () => {
    monitoring = await startMonitoring(RULES);
    await using cgroup = createCgroup('oomd');
    const { child, pid } = await start(cgroup, 'wait');
    await Promise.all([once(child, 'exit'), sendAs('earlyoom', 0, pid)]);
  });
  after(() => monitoring[Symbol.asyncDispose]());

  testQueries(queriesOf(readDashboard()), EXPECTED, () => monitoring);

  test('containers are called by their names', async () => {
    const panel = queriesOf(readDashboard()).find((query) => query.panel === 'Slowest containers') as Query;
    const { host } = new URL(monitoring.floatie.url);
    for (const name of Object.keys(monitoring.load.containers)) {
      await eventually(
        `"${name}" is in the table`,
        async () =>
          (await monitoring.ask(panel)).some(
            ({ metric }) => metric.container_name === name && metric.instance === host,
          ),
        20_000,
      );
    }
  });

  test('the slowest container is the one whose disk is far away', async () => {
    const [query] = queriesOf(readDashboard()).filter(({ panel }) => panel === 'Slowest containers');
    const rows = await monitoring.ask(query as Query);
    const slowest = rows.toSorted((a, b) => Number(b.value?.[1]) - Number(a.value?.[1]))[0];
    assert.equal(slowest?.metric.container_name, 'archive');
    assert.ok(Number(slowest?.value?.[1]) > 131_072, `${slowest?.value?.[1]} µs`);
  });

  test('the table of OOM kills counts as many as Floatie', async () => {
    const query = queriesOf(readDashboard()).find(({ panel }) => panel === 'Who was killed') as Query;
    const kills = async (): Promise<number> =>
      (await monitoring.floatie.scrape()).sum('floatie_oom_kills_total', {
        container_id: monitoring.load.containers.report,
      });
    const hostOfFirst = new URL(monitoring.floatie.url).host;
    await eventually('the table has them all', async () => {
      const before = await kills();
      // All of the time since the beginning, in steps that are longer than the time between two scrapes.
      const rows = await monitoring.prometheus.query(substitute(query.expr, { rangeS: 240, stepS: 2, scrapeS: 1 }));
      const mine = rows.filter(({ metric }) => metric.container_name === 'report' && metric.instance === hostOfFirst);
      const shown = mine.reduce((sum, { value }) => sum + Number(value?.[1]), 0);
      return before > 1 && shown === before && before === (await kills());
    });
  });

  test('variables offer what there is', async () => {
    const definitions = readDashboard().templating.list.flatMap(({ definition }) => definition ?? []);
    assert.equal(definitions.length, 3);
    for (const definition of definitions) {
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/s.exec(definition) ?? [];
      const series = await monitoring.prometheus.query(substitute(selector, { rangeS: 30, stepS: 1, scrapeS: 1 }));
      assert.ok(
        series.some(({ metric }) => metric[label] !== undefined),
        definition,
      );
    }
  });

  testRules(readRules(), EXPECTED, () => monitoring);
});
