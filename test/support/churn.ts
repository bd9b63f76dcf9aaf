/** Creates, uses and removes cgroups one after another while Floatie runs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { eventually } from './eventually.ts';
import { type Floatie, startFloatie } from './floatie.ts';
import type { Metrics } from './metrics-text.ts';
import { mountOverlay } from './overlay.ts';
import { createPidNamespace, type PidNamespace } from './pid-namespace.ts';
import { COLLECTS_GARBAGE, leastBytes } from './resident.ts';

const WRITES = 'floatie_overlayfs_write_latency_us_count';
const ALL_WRITES = 'all_writes_count';
const VIEWS = `views=[{selector: {instrument_name: floatie_overlayfs_write_latency_us}, stream: {attribute_keys: {excluded: []}}}, {selector: {instrument_name: floatie_overlayfs_write_latency_us}, stream: {name: all_writes, attribute_keys: {included: []}}}]`;

/** How many cgroups exist at a time; each lives 0.2 s. */
const ALIVE = 8;
const PACE_MS = 25;

/** The limit of growth after a forced garbage collection. */
const MAX_GROWTH_BYTES = 5 << 20;

/** Every other cgroup has the name of a container. @param maxCpuShare of one CPU */
export async function surviveChurn(count: number, maxCpuShare = 0.1): Promise<void> {
  using overlay = mountOverlay();
  await using namespace = await createPidNamespace();
  await using floatie = await startFloatie(
    ['--set', VIEWS, '--set', 'receivers.overlayfs.expire_ms=2000', ...namespace.only],
    { env: COLLECTS_GARBAGE },
  );
  // Memory grows until V8 has compiled what is used often.
  const warmUp = await churn(Math.max(300, count / 5), floatie, namespace, join(overlay.path, 'file'));
  await scrapes(floatie, 500);
  const before = await leastBytes(floatie);
  // The collection discarded compiled code.
  await scrapes(floatie, 500);

  const cpuBefore = await cpuSeconds(floatie);
  const startedMs = performance.now();
  const { writes, named, ids } = await churn(count, floatie, namespace, join(overlay.path, 'file'));
  const elapsedS = (performance.now() - startedMs) / 1000;
  const cpuAfter = await cpuSeconds(floatie);

  const metrics = await floatie.scrape();
  assert.equal(metrics.sum(ALL_WRITES), warmUp.writes + writes, 'no write is lost');
  assert.ok(named >= 0.95 * count, `${named} of ${count} were named`);
  assert.equal(ids.size, count, 'the kernel gives no id twice');
  const share = (cpuAfter - cpuBefore) / elapsedS;
  assert.ok(share < maxCpuShare, `Floatie used ${(100 * share).toFixed(1)} % of a CPU`);
  const grown = (await leastBytes(floatie)) - before;
  assert.ok(grown < MAX_GROWTH_BYTES, `${grown} bytes more are resident`);
  process.stdout.write(
    `${count} cgroups in ${elapsedS.toFixed(0)} s: ${named} named, ${(100 * share).toFixed(1)} % of a CPU, ${(grown / 1e6).toFixed(1)} MB more\n`,
  );
}

interface Churned {
  readonly writes: number;
  /** How many cgroups a scrape showed by name. */
  readonly named: number;
  readonly ids: ReadonlySet<bigint>;
}

/** Returns when all series have ended. Throws when a scrape shows a wrong count for a cgroup. */
async function churn(count: number, floatie: Floatie, namespace: PidNamespace, file: string): Promise<Churned> {
  const mount = findHierarchy().mount ?? '';
  await using writer = startWriter(namespace);
  const expected = new Map<string, number>();
  const named = new Set<string>();
  const ids = new Set<bigint>();
  const alive: string[] = [];
  const remove = (path: string): void => rmdirSync(join(mount, path));

  const check = async (): Promise<Metrics> => {
    const metrics = await floatie.scrape();
    for (const { labels, value } of metrics.select(WRITES)) {
      const { cgroup = '' } = labels;
      if (!expected.has(cgroup)) continue;
      assert.equal(value, expected.get(cgroup), `the writes of ${cgroup}`);
      named.add(cgroup);
    }
    assert.equal(metrics.sum('floatie_series_overflow_total'), 0);
    return metrics;
  };

  try {
    for (let index = 0; index < count; index++) {
      const next = performance.now() + PACE_MS;
      const path =
        index % 2 === 0
          ? `/floatie-churn-${randomBytes(8).toString('hex')}`
          : `/libpod-${randomBytes(32).toString('hex')}`;
      mkdirSync(join(mount, path));
      alive.push(path);
      ids.add(statSync(join(mount, path), { bigint: true }).ino);
      const writes = 1 + (index % 7);
      await writer.write(join(mount, path), writes, file);
      expected.set(path, writes);
      if (alive.length > ALIVE) remove(alive.shift() ?? '');
      if (index % 40 === 0) await check();
      await pause(Math.max(0, next - performance.now()));
    }
    await writer.leave(mount);
  } finally {
    for (const path of alive) remove(path);
  }
  await eventually('all series have ended', async () => (await check()).sum('floatie_map_entries') === 0);
  return { writes: [...expected.values()].reduce((sum, writes) => sum + writes, 0), named: named.size, ids };
}

/** A shell that moves itself from cgroup to cgroup: a process for each would take longer than all the rest. */
export function startWriter(namespace: PidNamespace) {
  const script = `while read procs writes file; do
    echo 0 >$procs || exit 1
    while [ $writes -gt 0 ]; do echo >>$file; writes=$((writes - 1)); done
    echo done
  done`;
  const [command, ...args] = namespace.enter;
  const child = spawn(command, [...args, 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const write = async (cgroup: string, writes: number, file: string): Promise<void> => {
    child.stdin.write(`${join(cgroup, 'cgroup.procs')} ${writes} ${file}\n`);
    assert.equal((await lines.next()).value, 'done');
  };
  return {
    write,
    leave: (mount: string) => write(mount, 0, '/dev/null'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function scrapes(floatie: Floatie, count: number): Promise<void> {
  for (let scrape = 0; scrape < count; scrape++) await floatie.scrape();
}

async function cpuSeconds(floatie: Floatie): Promise<number> {
  return (await floatie.scrape()).sum('process_cpu_seconds_total');
}
