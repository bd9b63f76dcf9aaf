/** Scrapes a Floatie continuously under everything that might make a counter fall. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cgroup, createCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { type Floatie, startFloatie } from './floatie.ts';
import type { Metrics } from './metrics-text.ts';
import { mountOverlay } from './overlay.ts';
import { createPidNamespace, type PidNamespace } from './pid-namespace.ts';
import { missing } from './requirements.ts';
import { startThrashing } from './thrash.ts';

const [PROCESSES, THREADS] = [8, 8];
const COUNTS = /_(total|count|sum|bucket)$/;
const WRITES = 'floatie_overlayfs_write_latency_us_count';
/** The expiry of removed cgroups, and the interval of new ones, in ms. */
const EXPIRE_MS = 1000;
const CHURN_MS = 300;
/** How many scrapes lie between two reloads. */
const RELOAD_AFTER = 20;
const MIN_RELOADS = 4;
const MIN_ENDED = 2;

/** Many bounds give many values in a scrape. */
const BOUNDS = Array.from({ length: 200 }, (_, at) => 1 + at * 3);

const VIEW = 'selector: {instrument_name: floatie_*}, stream';
/** Configurations in turn: series stay, change their members, and come back. */
const TURNS = [
  'views: []',
  `views: [{${VIEW}: {attribute_keys: {excluded: [container.id, cgroup]}}}]`,
  `views: [{${VIEW}: {aggregation_cardinality_limit: 3}}]`,
  'containers: {names: true, exclude: ["/floatie-storm*"]}',
  'views: [{selector: {instrument_name: floatie_oom_*}, stream: {aggregation: {drop: {}}}}]',
].map((turn) => `receivers: {overlayfs: {expire_ms: ${EXPIRE_MS}, bounds_us: ${JSON.stringify(BOUNDS)}}}\n${turn}\n`);

export function testMonotony(values: number): void {
  test(`no counter falls in ${values} values under memory pressure, reloads, expiry and ${PROCESSES * THREADS} threads`, {
    skip: missing('root', 'btf', 'pressure', 'pid namespaces'),
  }, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'floatie-monotony-'));
    const file = join(folder, 'floatie.yaml');
    const use = (turn: number): void => writeFileSync(file, TURNS[turn % TURNS.length] ?? '');
    use(0);
    try {
      using overlay = mountOverlay();
      await using namespace = await createPidNamespace();
      await using _pressure = startThrashing();
      await using cgroup = createCgroup('storm');
      await using floatie = await startFloatie(['--config', file, ...namespace.only]);
      await using load = startLoad(cgroup, namespace, overlay.path);
      let before: ReadonlyMap<string, number> = new Map();
      let [seen, reloads, ended] = [0, 0, 0];
      for (let scrapes = 1; seen < values || reloads < MIN_RELOADS || ended < MIN_ENDED; scrapes++) {
        const metrics = await floatie.scrape();
        const now = countsOf(metrics);
        for (const [series, value] of now) {
          const last = before.get(series) ?? 0;
          assert.ok(value >= last, `${series}: ${value} after ${last}`);
        }
        before = now;
        seen += now.size;
        ended = load.removed().filter((name) => metrics.select(WRITES, { cgroup: name }).length === 0).length;
        if (scrapes % RELOAD_AFTER === 0) await reload(floatie, () => use(++reloads));
        load.check();
      }
      context.diagnostic(`${seen} values, ${reloads} reloads, ${ended} cgroups ended`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function countsOf({ samples }: Metrics): Map<string, number> {
  const counts = samples.filter(({ name }) => COUNTS.test(name));
  return new Map(counts.map(({ name, labels, value }) => [`${name}${JSON.stringify(labels)}`, value]));
}

async function reload({ log, process }: Floatie, change: () => void): Promise<void> {
  const from = log.length;
  change();
  process.kill('SIGHUP');
  await eventually('it is reloaded', () =>
    log.slice(from).some(({ message }) => message === 'The configuration is reloaded'),
  );
}

interface Load extends AsyncDisposable {
  /** The names of removed cgroups. */
  removed(): readonly string[];
  /** Throws the load's error, if any. */
  check(): void;
}

/** Threads that read and write until the load is disposed of, and short-lived cgroups. */
function startLoad(cgroup: Cgroup, { enter }: PidNamespace, folder: string): Load {
  const removed: string[] = [];
  let isUnderWay = true;
  let failure: unknown = null;
  const rage = async (): Promise<void> => {
    while (isUnderWay) {
      const args = [join(folder, 'storm'), '1', String(PROCESSES), String(THREADS)];
      const storm = spawn(...cgroup.wrap(...enter, fixture('storm'), ...args), { stdio: 'ignore' });
      assert.deepEqual(await once(storm, 'exit'), [0, null]);
    }
  };
  const churn = async (): Promise<void> => {
    while (isUnderWay) {
      const short = createCgroup('short');
      try {
        const dd = spawn(...short.wrap(...enter, 'dd', 'if=/dev/zero', `of=${join(folder, 'file')}`, 'count=10'), {
          stdio: 'ignore',
        });
        assert.deepEqual(await once(dd, 'exit'), [0, null]);
        await sleep(CHURN_MS); // by then Floatie knows its name
      } finally {
        await short.remove();
      }
      removed.push(short.name);
    }
  };
  const all = [rage(), churn()].map((each) =>
    each.catch((error: unknown) => {
      failure = error;
    }),
  );
  return {
    removed: () => removed,
    check() {
      if (failure !== null) throw failure;
    },
    async [Symbol.asyncDispose]() {
      isUnderWay = false;
      await Promise.all(all);
    },
  };
}
