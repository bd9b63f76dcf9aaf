/** What the parts of a scrape cost, measured in this process, beside OpenTelemetry's own serializer. */
import { readFileSync } from 'node:fs';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  MeterProvider,
  type MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { exportersOf, nativeOf } from '../src/config/exporters.ts';
import { loadConfig } from '../src/config/load.ts';
import { chunksOf } from '../src/exporters/prometheus/formats/document.ts';
import type { Format } from '../src/exporters/prometheus/formats/format.ts';
import { formatFor } from '../src/exporters/prometheus/formats/negotiation.ts';
import type { Form } from '../src/metrics/metric-data.ts';
import { createProducer } from '../src/metrics/producer.ts';
import { MetricRegistry } from '../src/metrics/registry.ts';
import { Health } from '../src/program/health.ts';
import { createLogger } from '../src/program/log.ts';
import { recordSchemas } from '../src/receivers/index.ts';
import { Records } from '../src/records/records.ts';
import { startReceivers } from '../src/service/receivers.ts';
import { Containers } from './containers.ts';
import { FORMATS } from './formats.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { OURS, type Results } from './results.ts';
import { sleep } from './stopping.ts';
import { type Calls, SyscallCounter } from './syscall-counter.ts';

const CONTAINERS = 100;
const ROUNDS = 90;
/** Scrapes come far apart in life; between these the machine does something else. */
const PAUSE_MS = 5;

const CUMULATIVE: Form = { temporality: AggregationTemporality.CUMULATIVE };
const STOCK = "OpenTelemetry's serializer";
const READ = "the kernel's counts into series";
const CALLS = 'system calls for that';
const WRITTEN = 'written, the same collection';
const WHOLE = 'collected and written';

/** Those of Floatie. */
const WRITERS = FORMATS.filter(({ headers }) => headers['accept-encoding'] === 'identity').map(({ name, headers }) => ({
  name,
  format: formatFor(headers.accept),
}));

export const scrape: Part = { title: `A scrape of ${CONTAINERS} containers, taken apart`, measure };

async function measure({ results, rounds }: Bench): Promise<void> {
  using overlay = Overlay.mount();
  using containers = Containers.create(CONTAINERS);
  using cleanup = new DisposableStack();
  const registry = new MetricRegistry([]);
  const log = createLogger('error', 'text');
  const config = loadConfig({ env: {}, set: ['service.pipelines.metrics.receivers=overlayfs'] });
  const health = new Health(log);
  const records = new Records(recordSchemas);
  const receivers = await startReceivers({ config, registry, records, health, log });
  cleanup.defer(() => receivers.stop());
  await containers.work(overlay.file);

  const reader = (form: Form): MetricReader => {
    const metricProducers = [createProducer(registry, form)];
    const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers });
    new MeterProvider({ readers: [exporter] });
    return exporter;
  };
  const [endpoint] = exportersOf(config, 'prometheus');
  const native = endpoint && nativeOf(endpoint.settings);
  const eager = reader(CUMULATIVE);
  // As the endpoint collects.
  const lazy = reader({ ...CUMULATIVE, lazy: true, ...(native && { native }) });
  assertAllCounted(await collect(eager));

  for (let round = 0; round < rounds(ROUNDS); round++) {
    results.add(
      READ,
      OURS,
      'ms',
      msOf(() => registry.refresh()),
    );
    await sleep(PAUSE_MS);
    await write(eager, lazy, results);
  }
  await countCalls(() => registry.refresh(), rounds(ROUNDS), results);
  results.aim(READ, OURS, { atMost: 1 });
  results.aim(CALLS, OURS, { atMost: 0 });
  for (const { name } of WRITERS) results.compare(name, STOCK);
  results.aim(WRITTEN, 'text', { atMost: 0.25, of: STOCK });
}

/** Once with each writer, in turns: the collection that all share, and one that each makes as it likes best. */
async function write(eager: MetricReader, lazy: MetricReader, results: Results): Promise<void> {
  const stock = new PrometheusSerializer();
  const shared = await collect(eager);
  const ways: readonly [name: string, reader: MetricReader, write: (collection: ResourceMetrics) => void][] = [
    [STOCK, eager, (collection) => Buffer.from(stock.serialize(collection))],
    ...WRITERS.map(({ name, format }): (typeof ways)[number] => [
      name,
      lazy,
      (collection) => writeAs(format, collection),
    ]),
  ];
  for (const [name, reader, write] of ways) {
    await sleep(PAUSE_MS);
    results.add(
      WRITTEN,
      name,
      'ms',
      msOf(() => write(shared)),
    );
    const began = performance.now();
    write(await collect(reader));
    results.add(WHOLE, name, 'ms', performance.now() - began);
  }
}

function writeAs(format: Format, collection: ResourceMetrics): void {
  for (const _ of chunksOf(format, collection));
}

async function collect(reader: MetricReader): Promise<ResourceMetrics> {
  const { resourceMetrics, errors } = await reader.collect();
  if (errors.length > 0) throw errors[0];
  return resourceMetrics;
}

function msOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function assertAllCounted({ scopeMetrics }: ResourceMetrics): void {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
  const reads = metrics.find(({ descriptor }) => descriptor.name.startsWith('floatie_overlayfs_read_latency'));
  const counted = reads?.dataPoints.length ?? 0;
  if (counted < CONTAINERS) throw new Error(`Only ${counted} of ${CONTAINERS} cgroups have reads`);
}

async function countCalls(work: () => void, rounds: number, results: Results): Promise<void> {
  using counter = await SyscallCounter.start();
  const known = counter.count(() => readFileSync('/proc/self/stat'));
  if (known.mainThread.size === 0)
    throw new Missing("the kernel knows this process by another id: its calls can't be counted");
  const counted: Calls[] = [];
  for (let round = 0; round < rounds; round++) {
    counted.push(counter.count(work));
    await sleep(PAUSE_MS);
  }
  results.add(CALLS, OURS, 'calls', ...counted.map(callsOf));
  results.note(describeCalls(counted));
}

/** What there was, in all rounds together: V8 wakes its threads by system calls when it collects garbage or compiles. */
function describeCalls(calls: readonly Calls[]): string {
  const numbers = new Map<number, number>();
  for (const { mainThread } of calls) {
    for (const [nr, count] of mainThread) numbers.set(nr, (numbers.get(nr) ?? 0) + count);
  }
  const named = [...numbers].map(([nr, count]) => `${count} × number ${nr}`).join(', ');
  const others = calls.reduce((sum, { otherThreads }) => sum + otherThreads, 0);
  return `System calls in all ${calls.length} rounds: ${named === '' ? 'none' : named}, and ${others} of V8's own threads.`;
}

function callsOf({ mainThread }: Calls): number {
  return [...mainThread.values()].reduce((sum, count) => sum + count, 0);
}
