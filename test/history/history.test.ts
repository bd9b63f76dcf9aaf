import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes, HrTime } from '@opentelemetry/api';
import { containersAnswer } from '../../src/history/answer.ts';
import { MEMORY_LIMIT, MEMORY_USAGE } from '../../src/history/columns.ts';
import { type Counted, countedAlone } from '../../src/history/feed.ts';
import { History, type HistoryOptions } from '../../src/history/history.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import type { Sample } from '../../src/metrics/registry.ts';
import { allMetrics } from '../../src/receivers/index.ts';

const START: HrTime = [0, 0];
const GRID_NS = Array.from({ length: 20 }, (_, power) => 1000 * 2 ** power);
const WEB = { 'container.id': 'a'.repeat(64), cgroup: '/web' };
const DB = { cgroup: '/system.slice/db.service' };

function metricNamed(name: string): Metric {
  const metric = allMetrics.find((metric) => metric.name === name);
  assert.ok(metric, `there is no metric ${name}`);
  return metric;
}

/** Counts of a receiver, which a test sets. */
class Counts {
  readonly metrics = allMetrics;
  readonly gridNs = GRID_NS;
  readonly #samples = new Map<string, Sample>();

  set(name: string, attributes: Attributes, ...totals: number[]): void {
    const metric = metricNamed(name);
    const key = JSON.stringify(attributes);
    const sample = { metric, member: { key, attributes, startTime: START, totals: Float64Array.from(totals) } };
    this.#samples.set(`${name} ${key}`, sample);
  }

  /** @param buckets counts by the index of the bucket */
  setLatency(op: string, attributes: Attributes, sumUs: number, buckets: Readonly<Record<number, number>>): void {
    const all = Array.from({ length: GRID_NS.length + 1 }, (_, bucket) => buckets[bucket] ?? 0);
    this.set(`floatie_overlayfs_${op}_latency_us`, attributes, sumUs * 1000, ...all);
  }

  end(): void {
    this.#samples.clear();
  }

  /** The cgroups whose counts were looked at. */
  readonly looks: unknown[] = [];

  *read(): Generator<Counted> {
    for (const sample of this.#samples.values()) {
      const counted = countedAlone(sample);
      const samples = () => {
        this.looks.push(counted.attributes.cgroup);
        return counted.samples();
      };
      yield { ...counted, samples };
    }
  }
}

function historyOf(options: HistoryOptions = {}): { history: History; counts: Counts } {
  const history = new History(options);
  const counts = new Counts();
  history.follow(counts);
  return { history, counts };
}

async function pass(history: History, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) await history.endStep();
}

function gaugeOf(metric: Metric, attributes: Attributes, value: number): Sample {
  return { metric, member: { key: 'a', attributes, startTime: START, totals: Float64Array.of(value) } };
}

suite('the history', () => {
  test('has of each step what was added in it, and percentiles of the last step and minute', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('read', WEB, 600, { 3: 100 });
    await history.endStep();
    counts.setLatency('read', WEB, 10_600, { 3: 100, 10: 10 });
    await history.endStep();
    const [web] = containersAnswer(history).containers;
    const [read] = web?.operations ?? [];
    assert.equal(read?.op, 'read');
    assert.deepEqual(read.series.count, [100, 10]);
    assert.deepEqual(read.series.sum_s, [0.0006, 0.01]);
    assert.deepEqual([read.last_10s.count, read.last_1m.count], [10, 110]);
    assert.ok((read.last_10s.p50_us ?? 0) > 512, 'the last step has none of the fast ones');
    assert.ok((read.last_1m.p50_us ?? 0) <= 8, 'most of the minute was fast');
  });

  test('counts every operation once, whatever happens to members and steps', async () => {
    const { history, counts } = historyOf();
    let done = 0;
    for (let step = 0; step < 25; step++) {
      done += step;
      counts.setLatency('read', WEB, done * 5, { 3: done });
      await history.endStep();
    }
    const [read] = containersAnswer(history).containers[0]?.operations ?? [];
    assert.equal(
      read?.series.count.reduce((sum: number, count) => sum + (count ?? 0), 0),
      done,
    );
  });

  test('has null for steps before a container was there, and no container for what has no owner', async () => {
    const { history, counts } = historyOf();
    counts.set('floatie_cpu_pressure_waiting_seconds_total', { scope: 'host' }, 5e6);
    await pass(history, 2);
    counts.setLatency('sync', DB, 100, { 3: 1 });
    await history.endStep();
    const { containers } = containersAnswer(history);
    assert.deepEqual(
      containers.map(({ cgroup }) => cgroup),
      [DB.cgroup],
    );
    assert.deepEqual(containers[0]?.operations[0]?.series.count, [null, null, 1]);
  });

  test('adds up the cgroups of a container, and calls it by the outermost', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('read', { ...WEB, cgroup: '/web/inner' }, 10, { 3: 2 });
    counts.setLatency('read', WEB, 10, { 3: 3 });
    await history.endStep();
    const { containers } = containersAnswer(history);
    assert.deepEqual(
      containers.map(({ cgroup, operations }) => [cgroup, operations[0]?.last_10s.count]),
      [['/web', 5]],
    );
  });

  test('tells copy-ups apart, whose time is part of other operations', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('copy_up', { ...WEB, op: 'open' }, 9000, { 13: 1 });
    counts.setLatency('open', WEB, 9500, { 14: 1 });
    await history.endStep();
    const { operations } = containersAnswer(history).containers[0] ?? { operations: [] };
    assert.deepEqual(
      operations.map(({ op, is_part }) => [op, is_part]),
      [
        ['open', false],
        ['copy_up_open', true],
      ],
    );
  });

  test('has memory as it was last, and how fast it grew', async () => {
    const { history } = historyOf();
    for (let step = 0; step < 3; step++) {
      history.take([gaugeOf(MEMORY_USAGE, WEB, step * 1024), gaugeOf(MEMORY_LIMIT, WEB, 4096)]);
      await history.endStep();
    }
    const { memory } = containersAnswer(history).containers[0] ?? {};
    assert.deepEqual([memory?.usage_bytes, memory?.limit_bytes], [2048, 4096]);
    assert.deepEqual(memory?.series.usage_bytes, [0, 1024, 2048]);
    assert.ok((memory?.growth_10s ?? 0) > 0);
    assert.equal(memory?.growth_1m, undefined, 'there was no minute yet');
    assert.equal(memory?.headroom_bytes, undefined, 'unknown is not 0');
  });

  test('takes no counts of files from before the container was found for those of a step', async () => {
    const { history } = historyOf();
    const metric = metricNamed('floatie_io_pressure_waiting_seconds_total');
    await pass(history, 3);
    history.take([gaugeOf(metric, { ...WEB, scope: 'container' }, 90e6)]);
    await history.endStep();
    history.take([gaugeOf(metric, { ...WEB, scope: 'container' }, 92e6)]);
    await history.endStep();
    assert.equal(containersAnswer(history).containers[0]?.io_stall?.last_1m_s, 2);
  });

  test('forgets a container five minutes after its last sign', async () => {
    const { history, counts } = historyOf({ exists: () => false });
    counts.setLatency('read', WEB, 10, { 3: 2 });
    await history.endStep();
    assert.equal(containersAnswer(history).containers[0]?.is_gone, true);
    counts.end();
    await pass(history, 30);
    assert.equal(history.containers.size, 1);
    await history.endStep();
    assert.equal(history.containers.size, 0);
    assert.equal(history.bytes, 0);
  });

  test('looks at the counts of a container only when they have changed', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('read', WEB, 10, { 3: 2 });
    await history.endStep();
    await history.endStep();
    counts.setLatency('read', DB, 10, { 3: 2 });
    await history.endStep();
    assert.deepEqual(counts.looks, [WEB.cgroup, DB.cgroup]);
    counts.setLatency('read', WEB, 20, { 3: 3 });
    await history.endStep();
    assert.deepEqual(counts.looks, [WEB.cgroup, DB.cgroup, WEB.cgroup]);
    const [web] = containersAnswer(history, { wanted: new Set([WEB['container.id']]) }).containers;
    assert.deepEqual(web?.operations[0]?.series.count, [2, 0, 0, 1]);
  });

  test('counts of a container that did nothing for long only what it does then', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('read', WEB, 10, { 3: 2 });
    await pass(history, 100);
    assert.equal(history.containers.size, 0, 'it is forgotten');
    counts.setLatency('read', WEB, 20, { 3: 3 });
    await history.endStep();
    assert.equal(containersAnswer(history).containers[0]?.operations[0]?.last_1m.count, 1);
    counts.end();
    await pass(history, 100);
    counts.setLatency('read', WEB, 20, { 3: 3 });
    await history.endStep();
    assert.equal(containersAnswer(history).containers[0]?.operations[0]?.last_1m.count, 3, 'another one has its key');
  });

  test('asks once in a step at most whether a container is gone, and not at all while nobody looks', async () => {
    let asked = 0;
    const { history, counts } = historyOf({
      exists: () => {
        asked++;
        return true;
      },
    });
    counts.setLatency('read', WEB, 10, { 3: 2 });
    await pass(history, 3);
    assert.equal(asked, 0);
    for (let answer = 0; answer < 3; answer++) containersAnswer(history);
    assert.equal(asked, 1);
  });

  test('counts what finds no room, and gives the room of a container that is gone to another', async () => {
    let isThere = true;
    const { history, counts } = historyOf({ maxContainers: 1, exists: () => isThere });
    counts.setLatency('read', WEB, 10, { 3: 2 });
    counts.setLatency('read', DB, 10, { 3: 2 });
    await history.endStep();
    assert.equal(containersAnswer(history).left_out, 1);
    isThere = false;
    counts.end();
    await history.endStep();
    counts.setLatency('read', DB, 10, { 3: 2 });
    await history.endStep();
    assert.deepEqual([...history.containers.keys()], [DB.cgroup]);
  });

  test('has each second what was counted, while somebody looks', async () => {
    const { history, counts } = historyOf();
    const readsOf = () => {
      const { steps, containers } = containersAnswer(history);
      const [read] = containers[0]?.operations ?? [];
      return [steps, read?.last_10s.count, read?.last_1m.count, read?.series.count.at(-1)];
    };
    counts.setLatency('read', WEB, 600, { 3: 100 });
    await history.endSecond();
    assert.deepEqual(readsOf(), [0, undefined, undefined, undefined], 'nobody looks');
    history.watch();
    await history.endSecond();
    assert.deepEqual(readsOf(), [1, 100, 100, 100]);
    for (let reads = 101; reads <= 108; reads++) {
      counts.setLatency('read', WEB, reads * 6, { 3: reads });
      await history.endSecond();
    }
    assert.deepEqual(readsOf(), [1, 108, 108, 108], 'the step has ended');
    for (let reads = 109; reads <= 119; reads++) {
      counts.setLatency('read', WEB, reads * 6, { 3: reads });
      await history.endSecond();
    }
    assert.deepEqual(readsOf(), [3, 10, 119, 1]);
  });

  test('begins with all of the step when somebody looks, and forgets the seconds when nobody does', async (t) => {
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    const { history, counts } = historyOf();
    const metric = metricNamed('floatie_io_pressure_waiting_seconds_total');
    history.take([gaugeOf(metric, { ...WEB, scope: 'container' }, 1e6)]);
    history.take([gaugeOf(metric, { ...WEB, scope: 'container' }, 3e6)]);
    counts.setLatency('read', WEB, 600, { 3: 100 });
    const before = history.bytes;
    history.watch();
    await history.endSecond();
    const [web] = containersAnswer(history).containers;
    assert.deepEqual([web?.io_stall?.last_10s_s, web?.operations[0]?.last_10s.count], [2, 100]);
    nowMs += 11_000;
    await history.endSecond();
    assert.equal(history.seconds, null);
    assert.deepEqual([containersAnswer(history).steps, containersAnswer(history).last_step_s], [1, 11]);
    assert.ok(history.bytes > before);
    assert.equal(containersAnswer(history).containers[0]?.operations[0]?.last_10s.count, 100);
  });

  test('answers for one container alone, by its id', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('read', WEB, 10, { 3: 2 });
    counts.setLatency('read', DB, 10, { 3: 2 });
    await history.endStep();
    const { containers } = containersAnswer(history, { wanted: new Set([WEB['container.id']]) });
    assert.deepEqual(
      containers.map(({ container_id }) => container_id),
      [WEB['container.id']],
    );
  });

  test('has the buckets of each step for one container, and no series where no step is asked for', async () => {
    const { history, counts } = historyOf();
    counts.setLatency('read', WEB, 600, { 3: 11, 10: 1000 });
    await history.endStep();
    counts.setLatency('read', WEB, 1600, { 3: 111, 10: 1000, 20: 1 });
    await history.endStep();
    await history.endStep();
    const [web] = containersAnswer(history, { hasBuckets: true }).containers;
    const buckets = web?.operations[0]?.series.buckets ?? [];
    assert.deepEqual(
      buckets.map(({ le_us }) => le_us),
      [8, 1024, undefined],
    );
    const [fast, slow, slowest] = buckets.map(({ counts }) => counts);
    assert.ok(fast?.[0] === 11 && Math.abs((fast[1] ?? 0) - 100) < 5 && fast[2] === 0, `${fast}`);
    assert.ok(Math.abs((slow?.[0] ?? 0) - 1000) < 50, `${slow}`);
    assert.deepEqual(slowest, [0, 1, 0]);
    const { steps, containers } = containersAnswer(history, { steps: 0 });
    assert.deepEqual([steps, containers[0]?.operations[0]?.series.count], [0, []]);
    assert.equal(containers[0]?.operations[0]?.last_1m.count, 1112);
  });

  test('takes four megabytes at most for a hundred containers that do everything', async () => {
    const { history, counts } = historyOf();
    const ops = ['read', 'write', 'sync', 'open'];
    const metadata = ['stat', 'lookup', 'readdir', 'create', 'remove', 'rename', 'setattr', 'allocate', 'flush'];
    const copies = ['open', 'setattr', 'rename', 'link', 'xattr', 'other'];
    for (let container = 0; container < 100; container++) {
      const owner = { cgroup: `/${container}` };
      for (const op of ops) counts.setLatency(op, owner, 10, { 3: 2 });
      for (const op of ['splice', 'copy_range']) counts.setLatency('transfer', { ...owner, op }, 10, { 3: 2 });
      for (const op of metadata) counts.setLatency('metadata', { ...owner, op }, 10, { 3: 2 });
      for (const op of copies) counts.setLatency('copy_up', { ...owner, op }, 10, { 3: 2 });
    }
    await history.endStep();
    assert.equal(history.containers.size, 100);
    assert.ok(history.bytes < 4e6, `it takes ${history.bytes} bytes`);
    history.watch();
    await history.endSecond();
    assert.ok(history.bytes < 7e6, `it takes ${history.bytes} bytes while somebody looks`);
  });
});
