/** The dashboard's queries and the alerts' conditions, asked of a real Prometheus that scrapes real Floaties under load. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { countPrograms } from '../support/bpf-stats.ts';
import { createCgroup } from '../support/cgroup.ts';
import { createCollector } from '../support/collector.ts';
import type { Series } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { nameOf, type Query, queriesOf, readDashboard, substitute } from '../support/grafana.ts';
import { type Load, startLoad } from '../support/load.ts';
import { mountOverlay } from '../support/overlay.ts';
import { freePort } from '../support/peers.ts';
import { podmanEnv } from '../support/podman.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { missing } from '../support/requirements.ts';
import { readRules } from '../support/rules.ts';

const RULES = fileURLToPath(new URL('../../examples/prometheus/alerts.yml', import.meta.url));

/** Queries that have nothing to show here, and why that is right. */
const NOTHING: Readonly<Record<string, string>> = {
  floatie_pressure_unavailable: 'the pressure of this host can be read',
  floatie_overlayfs_async_total: 'nothing here is asynchronous',
  floatie_job_errors_total: 'no job of Floatie fails here',
  floatie_pressure_containers_left_out: 'every container has a score',
};
/** Queries whose counters are there and stand still, so that only what they compare with is left out here. */
const STILL = ['floatie_probe_misses_total', 'floatie_http_dropped_total'];

/** Alerts that fire here, by the reason they give; the conditions of the others are asked without what they compare with. */
const FIRING = ['FloatieOverlayfsSlow', 'FloatieOomKill', 'absent', 'overflow'];

suite('the dashboard and the alerts', { skip: missing('root', 'btf', 'fuse', 'pressure') }, () => {
  const stack = new AsyncDisposableStack();
  let load: Load;
  let floatie: Floatie;
  let prometheus: Prometheus;

  before(async () => {
    stack.use(countPrograms());
    const collector = stack.use(await createCollector());
    await collector.start();
    load = stack.use(await startLoad([150_000]));
    const { CONTAINERS_STORAGE_CONF = '' } = podmanEnv();
    const env = { CONTAINERS_STORAGE_CONF };
    floatie = stack.use(
      await startFloatie(
        [
          ...['--set', 'containers.names=true', '--set', 'containers.exclude=["/floatie-left-*"]'],
          ...['--set', `exporters.otlp.endpoint=${collector.endpoint}`, '--set', 'exporters.otlp.interval_ms=1000'],
        ],
        { env },
      ),
    );
    const small = stack.use(await startFloatie(['--max-map-entries', '1']));
    startLeftOut();
    const nobody = `http://127.0.0.1:${await freePort()}`;
    prometheus = stack.use(await startPrometheus([floatie.url, small.url, nobody], RULES));
  });

  after(() => stack.disposeAsync());

  /** A process in a cgroup that is left out. */
  function startLeftOut(): void {
    const overlay = stack.use(mountOverlay());
    const cgroup = stack.use(createCgroup('left'));
    const script = 'while :; do dd if=/dev/zero of="$1" bs=1 count=10 status=none; sleep 0.2; done';
    const [command, args] = cgroup.wrap('sh', '-c', script, 'sh', join(overlay.path, 'file'));
    const child = spawn(command, args, { stdio: 'ignore', detached: true });
    const exited = once(child, 'exit');
    stack.defer(async () => {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await exited;
    });
  }

  /** What Grafana would show when the last half minute is looked at. */
  async function ask({ expr, isInstant }: Query): Promise<Series[]> {
    const view = { rangeS: 30, stepS: 1, scrapeS: 1 };
    const now = Date.now() / 1000;
    const query = substitute(expr, view);
    return isInstant ? prometheus.query(query) : prometheus.queryRange(query, now - view.rangeS, now, view.stepS);
  }

  for (const query of queriesOf(readDashboard())) {
    const name = `"${query.panel}"${query.legend === '' || query.legend === '__auto' ? '' : `, ${query.legend},`}`;
    const nothing = Object.entries(NOTHING).find(([metric]) => query.expr.includes(metric));
    if (nothing !== undefined) {
      test(`${name} shows nothing, because ${nothing[1]}`, async () => assert.deepEqual(await ask(query), []));
      continue;
    }
    const isStill = STILL.some((metric) => query.expr.includes(metric));
    const expr = isStill ? query.expr.replace(/ > 0$/, '') : query.expr;
    test(`${name} shows data`, async () => {
      const series = await eventually(
        `there is data for ${query.expr}`,
        async () => {
          const found = await ask({ ...query, expr });
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

  test('containers are called by their names', async () => {
    const panel = queriesOf(readDashboard()).find((query) => query.panel === 'Slowest containers') as Query;
    const { host } = new URL(floatie.url);
    for (const name of Object.keys(load.containers)) {
      await eventually(
        `"${name}" is in the table`,
        async () => (await ask(panel)).some(({ metric }) => metric.container_name === name && metric.instance === host),
        20_000,
      );
    }
  });

  test('the slowest container is the one whose disk is far away', async () => {
    const [query] = queriesOf(readDashboard()).filter(({ panel }) => panel === 'Slowest containers');
    const rows = await ask(query as Query);
    const slowest = rows.toSorted((a, b) => Number(b.value?.[1]) - Number(a.value?.[1]))[0];
    assert.equal(slowest?.metric.container_name, 'archive');
    assert.ok(Number(slowest?.value?.[1]) > 131_072, `${slowest?.value?.[1]} µs`);
  });

  test('the table of OOM kills counts as many as Floatie', async () => {
    const query = queriesOf(readDashboard()).find(({ panel }) => panel === 'Who was killed') as Query;
    const kills = async (): Promise<number> =>
      (await floatie.scrape()).sum('floatie_oom_kills_total', { container_id: load.containers.report });
    const hostOfFirst = new URL(floatie.url).host;
    await eventually('the table has them all', async () => {
      const before = await kills();
      // All of the time since the beginning, in steps that are longer than the time between two scrapes.
      const rows = await prometheus.query(substitute(query.expr, { rangeS: 240, stepS: 2, scrapeS: 1 }));
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
      const series = await prometheus.query(substitute(selector, { rangeS: 30, stepS: 1, scrapeS: 1 }));
      assert.ok(
        series.some(({ metric }) => metric[label] !== undefined),
        definition,
      );
    }
  });

  for (const { alert, expr, labels: { reason } = {} } of readRules()) {
    if (alert === undefined) continue;
    const name = reason === undefined ? alert : `${alert}, ${reason},`;
    if (FIRING.includes(reason ?? alert)) {
      test(`${name} is raised`, async () => {
        await eventually(
          'it is pending or fires',
          async () => {
            const rules = await prometheus.rules();
            const mine = rules.filter((rule) => rule.name === alert && rule.labels?.reason === reason);
            return mine.some(({ state }) => state === 'pending' || state === 'firing');
          },
          60_000,
        );
      });
    } else {
      test(`${name} is quiet, and what it compares is there`, async () => {
        assert.deepEqual(await prometheus.query(expr), []);
        for (const operand of operandsOf(expr)) {
          assert.notDeepEqual(await prometheus.query(operand), [], operand);
        }
      });
    }
  }

  test('every rule is one that Prometheus can evaluate', async () => {
    const rules = await prometheus.rules();
    assert.equal(rules.length, readRules().length);
    for (const { name, health, lastError } of rules) assert.equal(health, 'ok', `${name}: ${lastError}`);
  });
});

/** What the conditions of an alert compare. */
function operandsOf(expr: string): string[] {
  return expr
    .split(/ or | (?:==|>|>=) (?:on \([^)]*\) group_left \(\) )?(?:[\d.]+ \* )?/)
    .map((part) => part.trim())
    .filter((part) => !/^[\d.]+$/.test(part));
}
