/** Whatever grows, ends, is called otherwise or is shaped anew: nothing that counts ever falls, and deltas add up to it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import type { ViewConfig } from '../../src/config/view.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import { keyOf } from '../../src/metrics/attributes.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import { sourcesOf } from '../../src/metrics/observer.ts';
import { createProducer, type Producer } from '../../src/metrics/producer.ts';
import { MetricRegistry, type Sample } from '../../src/metrics/registry.ts';
import { Health } from '../../src/program/health.ts';
import { createLogger } from '../../src/program/log.ts';
import { metrics } from '../../src/receivers/pressure/metrics.ts';
import { PressureSource } from '../../src/receivers/pressure/source.ts';
import { observeProcess, observeService } from '../../src/service/self-metrics.ts';
import { writeAnew } from '../support/write-anew.ts';
import { collect, ERRORS, errors, FakeSource, GRID, LATENCY, latencies, view } from './counts.ts';

const { CUMULATIVE, DELTA } = AggregationTemporality;
const RUNS = 300;

/** Every number that must not fall, by its series: counts, sums, and what is in all buckets up to each. */
function countsIn(metrics: readonly MetricData[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const metric of metrics) {
    const keyOfPoint = (attributes: Attributes): string => `${metric.descriptor.name}${keyOf(attributes)}`;
    if (metric.dataPointType === DataPointType.SUM) {
      for (const { attributes, value } of metric.dataPoints) counts.set(keyOfPoint(attributes), value);
    }
    if (metric.dataPointType !== DataPointType.HISTOGRAM) continue;
    for (const { attributes, value } of metric.dataPoints) {
      const key = keyOfPoint(attributes);
      counts.set(`${key} count`, value.count);
      counts.set(`${key} sum`, value.sum ?? Number.NaN);
      let below = 0;
      for (const [at, count] of value.buckets.counts.entries()) {
        below += count;
        counts.set(`${key} le ${value.buckets.boundaries[at] ?? '+Inf'}`, below);
      }
    }
  }
  return counts;
}

function assertNoFall(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): void {
  for (const [key, value] of now)
    assert.ok(value >= (before.get(key) ?? 0), `${key}: ${value} after ${before.get(key)}`);
}

/** Configurations of views, to go from one to the other. */
const SHAPES: readonly ViewConfig[][] = [
  [],
  ...[['op'], [], ['cgroup']].map((included) =>
    [ERRORS, LATENCY].map((metric) => view(metric, { attribute_keys: { included } })),
  ),
  [view(ERRORS, { aggregation_cardinality_limit: 2 }), view(LATENCY, { aggregation_cardinality_limit: 3 })],
  [view(ERRORS, { name: 'failures_total' }), view(ERRORS, { attribute_keys: { excluded: ['op'] } })],
];

const CGROUPS = ['/a', '/b', '/c'];

/** A cgroup's counts, as the kernel has them. */
interface Counted {
  readonly key: string;
  attributes: Attributes;
  errors: number;
  sumNs: number;
  buckets: number[];
}

type Step = (world: World) => void;

/** What is counted, and two who collect: one gets totals, the other what was new. */
class World {
  readonly registry = new MetricRegistry([]);
  readonly #source = new FakeSource();
  readonly #counted: Counted[] = [];
  #born = 0;
  #totals = createProducer(this.registry, { temporality: CUMULATIVE });
  #deltas: Producer = createProducer(this.registry, { temporality: DELTA });
  #before = new Map<string, number>();
  /** The deltas of each that lives added up, on top of what it had when others began to collect it. */
  #sums = new Map<string, number>();

  constructor() {
    this.registry.addSource(this.#source, GRID);
  }

  add(cgroup: string, op: string): void {
    const key = String(this.#born++);
    this.#counted.push({ key, attributes: { cgroup, op }, errors: 0, sumNs: 0, buckets: [0, 0, 0, 0, 0] });
  }

  /** @param member any number stands for one of those there are */
  grow(member: number, by: number, bucket: number): void {
    this.#with(member, (one) => {
      one.errors += by;
      one.sumNs += by;
      one.buckets[bucket] = (one.buckets[bucket] ?? 0) + (by % 1000);
    });
  }

  rename(member: number, name: string): void {
    this.#with(member, (one) => {
      one.attributes = { ...one.attributes, 'container.name': name };
    });
  }

  /** Reads once what is less than what was read before. */
  misread(member: number): void {
    this.#with(member, (one) => this.registry.record(samplesOf({ ...one, errors: one.errors / 2, sumNs: 0 })));
  }

  end(member: number): void {
    this.#with(member, (one) => {
      this.#counted.splice(this.#counted.indexOf(one), 1);
      this.registry.end(samplesOf(one));
    });
  }

  /** As a reload does it. */
  async reshape(shape: number): Promise<void> {
    const views = viewOptions(SHAPES[shape % SHAPES.length] ?? []);
    this.#read();
    this.#deltas.finish();
    await this.#addDeltas();
    this.registry.reshape(views);
    this.#totals = createProducer(this.registry, { temporality: CUMULATIVE });
    this.#deltas = createProducer(this.registry, { temporality: DELTA });
    this.#deltas.takeOver();
    // Members can come to a series that stays, which is no delta of its own.
    this.#sums = countsIn(await collect(this.#totals));
  }

  async check(): Promise<void> {
    this.#read();
    const now = countsIn(await collect(this.#totals));
    assertNoFall(this.#before, now);
    this.#before = now;
    await this.#addDeltas();
    for (const [key, value] of now) {
      const sum = this.#sums.get(key) ?? 0;
      assert.ok(Math.abs(sum - value) <= value * 1e-12, `the deltas of ${key} are ${sum}, its total is ${value}`);
    }
    // What ended begins at nothing when it comes again.
    for (const key of this.#sums.keys()) if (!now.has(key)) this.#sums.delete(key);
  }

  async #addDeltas(): Promise<void> {
    for (const [key, value] of countsIn(await collect(this.#deltas))) {
      assert.ok(value >= 0, `${key}: a delta of ${value}`);
      this.#sums.set(key, (this.#sums.get(key) ?? 0) + value);
    }
  }

  #read(): void {
    this.#source.samples = this.#counted.flatMap(samplesOf);
  }

  #with(member: number, change: (one: Counted) => void): void {
    const one = this.#counted[member % this.#counted.length];
    if (one !== undefined) change(one);
  }
}

function samplesOf({ key, attributes, errors: count, sumNs, buckets }: Counted): Sample[] {
  const samples = [errors(key, attributes, count), latencies(key, attributes, sumNs, buckets)];
  // Nothing happened is no series.
  return samples.filter(({ member }) => (member.totals[0] ?? 0) > 0);
}

const member = fc.nat(20);
const growth = fc.oneof(fc.nat(10), fc.nat(2 ** 30), fc.maxSafeNat());

const step: fc.Arbitrary<Step | number> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(member, growth, fc.nat(4)).map(
      ([one, by, bucket]): Step =>
        (world) =>
          world.grow(one, by, bucket),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...CGROUPS), fc.constantFrom('read', 'write')).map(
      ([cgroup, op]): Step =>
        (world) =>
          world.add(cgroup, op),
    ),
  },
  fc.tuple(member, fc.constantFrom('web', 'db')).map(
    ([one, name]): Step =>
      (world) =>
        world.rename(one, name),
  ),
  member.map(
    (one): Step =>
      (world) =>
        world.misread(one),
  ),
  member.map(
    (one): Step =>
      (world) =>
        world.end(one),
  ),
  fc.nat(SHAPES.length - 1),
);

suite('counts of cgroups that come, go, are renamed and reshaped', () => {
  test(`never fall, and their deltas add up to them, in ${RUNS} runs`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const world = new World();
        for (const step of steps) {
          if (typeof step === 'number') await world.reshape(step);
          else step(world);
          await world.check();
        }
      }),
      { numRuns: RUNS },
    );
  });
});

suite('what is counted in parts of a second', () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-monotony-'));
  after(() => rmSync(folder, { recursive: true }));
  const host = join(folder, 'memory');

  /** Totals and deltas of `metrics`, each time `turn` has made them grow. */
  async function watch(
    registry: MetricRegistry,
    metrics: readonly Metric[],
    turns: Iterable<() => void>,
  ): Promise<void> {
    const totals = createProducer(registry, { temporality: CUMULATIVE });
    const deltas = createProducer(registry, { temporality: DELTA });
    const sums = new Map<string, number>();
    let before = new Map<string, number>();
    for (const turn of turns) {
      turn();
      const now = countsIn(await collect(totals));
      assertNoFall(before, now);
      for (const [key, value] of countsIn(await collect(deltas))) sums.set(key, (sums.get(key) ?? 0) + value);
      before = now;
    }
    for (const [key, value] of before) {
      if (!metrics.some(({ name }) => key.startsWith(name))) continue;
      assert.ok(Math.abs((sums.get(key) ?? 0) - value) <= value * 1e-9, `${key}: ${sums.get(key)} of ${value}`);
    }
  }

  test('memory pressure never falls while it grows by some µs or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(10 ** 9),
        fc.array(fc.oneof(fc.constant(0), fc.nat(3000)), { maxLength: 100, size: 'max' }),
        async (first, growths) => {
          const source = new PressureSource({
            path: host,
            pressure: null,
            memory: null,
            window: 'avg10',
            onHostState() {},
          });
          const registry = new MetricRegistry([]);
          registry.addSource(source);
          let total = first;
          const turns = [0, ...growths].map((growth) => () => {
            total += growth;
            const line = `avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\n`;
            writeAnew(host, `some ${line}full ${line}`);
          });
          await watch(registry, [metrics.waiting, metrics.stalled], turns);
        },
      ),
      { numRuns: 10 },
    );
  });

  test('the time of collections, scrapes and of the process never falls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0.01, max: 5000, noNaN: true }), { maxLength: 200, size: 'max' }),
        async (durations) => {
          const registry = new MetricRegistry([]);
          const health = new Health(createLogger('error', 'json'));
          observeProcess(sourcesOf(registry));
          observeService(sourcesOf(registry), health);
          const turns = durations.map((ms) => () => {
            health.collected(ms);
            health.scraped(ms);
          });
          await watch(registry, [], turns);
        },
      ),
      { numRuns: 10 },
    );
  });
});
