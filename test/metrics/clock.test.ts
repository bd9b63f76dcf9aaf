import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { HrTime } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { AggregationTemporality, type DataPoint, MeterProvider } from '@opentelemetry/sdk-metrics';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { instrumentsOf } from '../../src/metrics/observer.ts';
import { createProducer, type Producer } from '../../src/metrics/producer.ts';
import type { MetricRegistry } from '../../src/metrics/registry.ts';
import { Health } from '../../src/program/health.ts';
import { createLogger } from '../../src/program/log.ts';
import type { OomEvent } from '../../src/receivers/oom/events.ts';
import { OomKills } from '../../src/receivers/oom/kills.ts';
import type { OomReceiver } from '../../src/receivers/oom/receiver.ts';
import { OomSource } from '../../src/receivers/oom/source.ts';
import { type FlatRecord, flatten } from '../../src/records/encode.ts';
import { observeProcess, observeSelf } from '../../src/service/self-metrics.ts';
import { type Clocks, holdClocks } from '../support/clocks.ts';
import { missing } from '../support/requirements.ts';
import { collect, ERRORS, errors, type FakeSource, named, registryOf } from './counts.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

const STEPS = { 'an hour back': -HOUR, 'a day forward': DAY, 'two hours forward, as NTP does after a start': 2 * HOUR };

function ms([seconds, nanos]: HrTime): number {
  return seconds * 1000 + nanos / 1e6;
}

function setUp(temporality: keyof typeof AggregationTemporality): {
  registry: MetricRegistry;
  source: FakeSource;
  producer: Producer;
} {
  const both = registryOf();
  return { ...both, producer: createProducer(both.registry, { temporality: AggregationTemporality[temporality] }) };
}

async function pointOf(producer: Producer): Promise<DataPoint<unknown>> {
  const [point] = named(await collect(producer), ERRORS.name).dataPoints;
  assert.ok(point);
  return point;
}

for (const [step, byMs] of Object.entries(STEPS)) {
  suite(`when the clock is set ${step}`, () => {
    test('points have the right time from the next collection on', async (context) => {
      const clocks = holdClocks(context);
      const { source, producer } = setUp('CUMULATIVE');
      source.samples = [errors('1', {}, 1, [100, 0])];
      await collect(producer);
      clocks.set(byMs);
      clocks.pass(SECOND);
      assert.equal(ms((await pointOf(producer)).endTime), clocks.nowMs);
    });

    test('deltas follow each other, and none ends before it begins', async (context) => {
      const clocks = holdClocks(context);
      const { source, producer } = setUp('DELTA');
      source.samples = [errors('1', {}, 1, [100, 0])];
      const before = await pointOf(producer);
      clocks.set(byMs);
      clocks.pass(10 * SECOND);
      source.samples = [errors('1', {}, 2, [100, 0])];
      const { startTime, endTime } = await pointOf(producer);
      assert.equal(ms(startTime), byMs > 0 ? ms(before.endTime) : clocks.nowMs - 10 * SECOND);
      assert.equal(ms(endTime), clocks.nowMs);
    });

    test('an instrument of a MeterProvider has the right time, too', { skip: missing('libbpf') }, async (context) => {
      const clocks = holdClocks(context);
      const reader = new PrometheusExporter({ preventServerStart: true });
      const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
      observeSelf(instrumentsOf(meter), new Health(createLogger('error', 'json')));
      await reader.collect();
      clocks.set(byMs);
      clocks.pass(SECOND);
      const { resourceMetrics } = await reader.collect();
      const metrics = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
      const points: DataPoint<unknown>[][] = metrics.map(({ dataPoints }) => dataPoints);
      assert.ok(points.flat().length > 0);
      for (const { endTime } of points.flat()) assert.equal(ms(endTime), clocks.nowMs);
    });

    test('the start of the process moves with it', (context) => {
      const clocks = holdClocks(context);
      const started = startTime();
      const before = started();
      clocks.set(byMs);
      clocks.pass(SECOND);
      assert.ok(Math.abs(started() - before - byMs / 1000) < 0.1, `${started()} after ${before}`);
    });

    test('the last export has the right time', (context) => {
      const clocks = holdClocks(context);
      const health = new Health(createLogger('error', 'json'));
      health.exported('otlp', null);
      clocks.pass(10 * SECOND);
      clocks.set(byMs);
      const seconds = health.lastSuccess().get('otlp')?.seconds ?? 0;
      assert.ok(Math.abs(seconds - clocks.nowMs / 1000 + 10) < 0.1, `${seconds}`);
    });

    test('a kill is told within a second, with the right time', (context) => {
      const clocks = holdClocks(context);
      const { source, told, kill } = startOom();
      kill();
      source.poll();
      clocks.set(byMs);
      clocks.pass(SECOND);
      source.poll();
      assert.deepEqual(
        told.map(({ time }) => Date.parse(String(time))),
        [clocks.nowMs - SECOND],
      );
    });

    test('the series of killed processes stay for as long as they are to', (context) => {
      const clocks = holdClocks(context);
      const { source, kill } = startOom();
      kill();
      source.poll();
      clocks.pass(SECOND);
      source.poll();
      clocks.set(byMs);
      clocks.pass(RETAIN_MS - 2 * SECOND);
      assert.deepEqual(source.retire(), []);
      clocks.pass(3 * SECOND);
      assert.equal(source.retire().length, 1);
    });
  });
}

suite('the start of a series', () => {
  test('stays while the clock goes right', async (context) => {
    assert.deepEqual(await startsAt(context, [(clocks) => clocks.pass(HOUR)]), [0, 0]);
  });

  test('stays when the clock is set forward', async (context) => {
    assert.deepEqual(await startsAt(context, [(clocks) => clocks.set(DAY), (clocks) => clocks.pass(HOUR)]), [0, 0, 0]);
  });

  test('stays when the clock is set back to what is after it', async (context) => {
    const steps = [(clocks: Clocks) => clocks.pass(2 * HOUR), (clocks: Clocks) => clocks.set(-HOUR)];
    assert.deepEqual(await startsAt(context, steps), [0, 0, 0]);
  });

  test('that the clock is set back behind is that of the next point, and stays there', async (context) => {
    const steps = [(clocks: Clocks) => clocks.set(-HOUR), (clocks: Clocks) => clocks.pass(2 * HOUR)];
    assert.deepEqual(await startsAt(context, steps), [0, -HOUR, -HOUR]);
  });
});

/** When a series begins by the points after each step, in ms after it began. */
async function startsAt(context: TestContext, steps: readonly ((clocks: Clocks) => void)[]): Promise<number[]> {
  const clocks = holdClocks(context);
  const begunMs = clocks.nowMs;
  const { source, producer } = setUp('CUMULATIVE');
  source.samples = [errors('1', {}, 1, [Math.floor(begunMs / 1000), (begunMs % 1000) * 1e6])];
  const starts = [ms((await pointOf(producer)).startTime) - begunMs];
  for (const step of steps) {
    step(clocks);
    const { startTime, endTime } = await pointOf(producer);
    assert.ok(ms(startTime) <= ms(endTime));
    starts.push(ms(startTime) - begunMs);
  }
  return starts.map(Math.round);
}

/** @returns what tells `process_start_time_seconds` */
function startTime(): () => number {
  const reads = new Map<string, () => number>();
  observeProcess(({ name }, read) => {
    reads.set(name, () => {
      let last = Number.NaN;
      read((value) => {
        last = value;
      });
      return last;
    });
  });
  return reads.get('process_start_time_seconds') ?? (() => Number.NaN);
}

const RETAIN_MS = 60 * SECOND;

/** A source of kills that waits for reports in the kernel's log that never come. */
function startOom(): { source: OomSource; told: FlatRecord[]; kill: () => void } {
  const events: OomEvent[] = [];
  const kills = new OomKills({ read: () => [] });
  const receiver = {
    take(nowMs: number, final?: boolean) {
      for (const event of events.splice(0)) kills.add(event, nowMs);
      return kills.take(nowMs, 0, final);
    },
    counts: () => ({ kills: 0, lost: 0, corrupted: 0 }),
  };
  const told: FlatRecord[] = [];
  const source = new OomSource(receiver as unknown as OomReceiver, new Cgroups(null), {
    maxSeries: 100,
    retainMs: RETAIN_MS,
    cgroupIdOf: (victim) => victim.memoryCgroupId,
    onKill: (record) => told.push(flatten(record)),
  });
  const task = { pid: 7, tgid: 7, uid: 0, comm: 'hog', process: 'hog', memoryCgroupId: 0n, defaultCgroupId: 0n };
  const memory = { anonBytes: 0, fileBytes: 0, shmemBytes: 0, pageTableBytes: 0, totalVmBytes: 0, oomScoreAdj: 0 };
  const victim = { ...task, ...memory, ownTgid: 1 };
  const kill = (): void => {
    const timeNs = Number(process.hrtime.bigint());
    events.push({ timeNs, trigger: task, victim, decision: null, groupCgroupId: 0n, isShared: false, sharesWith: 0 });
  };
  return { source, told, kill };
}
