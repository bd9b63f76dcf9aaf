/** What a container costs in each scrape, in lines and bytes of the plain text. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { loadConfig } from '../../src/config/load.ts';
import { attributesOf } from '../../src/containers/attributes.ts';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { identify } from '../../src/containers/identity.ts';
import { TEXT } from '../../src/exporters/prometheus/formats/text.ts';
import { toNs } from '../../src/metrics/buckets.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { MetricRegistry, type Source } from '../../src/metrics/registry.ts';
import { metrics as oom } from '../../src/receivers/oom/metrics.ts';
import { CAUSES } from '../../src/receivers/overlayfs/causes.ts';
import type { CgroupTotals, OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { ERROR_TYPES, eachOp, OPS } from '../../src/receivers/overlayfs/operations.ts';
import type { OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { OverlayfsSource } from '../../src/receivers/overlayfs/source.ts';
import { metrics as pressure } from '../../src/receivers/pressure/metrics.ts';
import { chunksOf } from '../support/collections.ts';
import { nothingDone } from '../support/operation-totals.ts';

const BOUNDS_US = loadConfig({ env: {}, set: [] }).receivers.overlayfs.bounds_us;
const IDENTITY = identify(`/system.slice/docker-${'d'.repeat(64)}.scope`);

const NOTHING: OperationTotals = nothingDone(BOUNDS_US.length + 1);
/** A million operations, of every duration: as many digits as a busy day has. */
const MILLION: OperationTotals = { ...NOTHING, sumNs: 1.5e13, buckets: NOTHING.buckets.map(() => 1e6) };

/** That moved 4 kB each. */
const MOVED: OperationTotals = { ...MILLION, bytes: 21e6 * 4096 };

/** What a scrape has with the container, without what it has anyway. */
async function costOf(operations: CgroupTotals['operations'], others: readonly Source[] = []) {
  const textWith = async (sources: readonly Source[]): Promise<string> => {
    const registry = new MetricRegistry([]);
    const gridNs = BOUNDS_US.map(toNs);
    for (const source of sources) registry.addSource(source, { gridNs, defaultBounds: BOUNDS_US });
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE, lazy: true });
    const { resourceMetrics, errors } = await producer.collect();
    assert.deepEqual(errors, []);
    return Buffer.concat(chunksOf(TEXT, resourceMetrics)).toString();
  };
  const one: CgroupTotals = { key: '1.0', cgroupId: 1n, bornNs: 0, operations };
  const receiver = { each: () => [one], read: () => [one] } as unknown as OverlayfsReceiver;
  const cgroups = new Cgroups(null, () => IDENTITY);
  const text = await textWith([new OverlayfsSource(receiver, cgroups), ...others]);
  const samples = text.split('\n').filter((line) => line !== '' && !/^(#|target_info )/.test(line));
  return { lines: samples.length, bytes: samples.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0) };
}

function sourceOf(metric: Metric, value: number, own: Attributes = {}): Source {
  const attributes = { ...own, ...attributesOf(IDENTITY) };
  const member = { key: `1.${Object.values(own)}`, attributes, startTime: [1, 0] as [number, number], totals: [value] };
  return { metrics: [metric], read: () => [{ metric, member }] };
}

/** Of a histogram: its buckets, that of infinity, sum and count. */
const HISTOGRAM_LINES = BOUNDS_US.length + 3;
/** Of an operation, besides its histogram. */
const COUNTERS = [
  'bytes',
  'zeros',
  'async',
  'fetched',
  ...CAUSES.map((cause) => `${cause}Ns` as const),
  ...ERROR_TYPES,
] as const;
/** The longest names and labels have 257. */
const LINE_BYTES = 260;

suite('a container costs in a scrape', () => {
  test('nothing before it does something', async () => {
    assert.deepEqual(await costOf(eachOp(() => NOTHING)), { lines: 0, bytes: 0 });
  });

  test('the lines of what it did, and no others', async () => {
    for (const op of OPS) {
      const { lines } = await costOf({ ...eachOp(() => NOTHING), [op]: MILLION });
      assert.equal(lines, HISTOGRAM_LINES);
      for (const counter of COUNTERS) {
        assert.equal((await costOf({ ...eachOp(() => NOTHING), [op]: { ...NOTHING, [counter]: 1 } })).lines, 1);
      }
    }
  });

  test('48 lines and 11,540 bytes at most when it reads and writes, and does nothing else', async () => {
    const { lines, bytes } = await costOf({ ...eachOp(() => NOTHING), read: MOVED, write: MOVED });
    assert.ok(lines <= 48 && bytes <= 11_540, `${lines} lines, ${bytes} bytes`);
  });

  test(`${HISTOGRAM_LINES + COUNTERS.length} lines for each operation and 18 more when it did everything, and was killed`, async () => {
    const everything = { ...MILLION, ...Object.fromEntries(COUNTERS.map((counter) => [counter, 1e6])) };
    const kill = { trigger_comm: 'java', victim_comm: 'java', scope: 'memcg' };
    const { lines, bytes } = await costOf(
      eachOp(() => everything),
      [
        sourceOf(oom.kills, 1, kill),
        sourceOf(pressure.score, 12.34, { scope: 'container' }),
        sourceOf(pressure.waiting, 1e9, { scope: 'container' }),
        sourceOf(pressure.stalled, 1e9, { scope: 'container' }),
        sourceOf(pressure.headroom, 64 << 20),
        sourceOf(pressure.majorFaults, 1e9),
        sourceOf(pressure.fileRefaults, 1e9),
        sourceOf(pressure.throttled, 1e9),
        ...[pressure.cpuWaiting, pressure.cpuStalled, pressure.ioWaiting, pressure.ioStalled].map((metric) =>
          sourceOf(metric, 1e9, { scope: 'container' }),
        ),
        ...['low', 'high', 'max', 'oom', 'oom_kill', 'oom_group_kill'].map((event) =>
          sourceOf(pressure.events, 1e6, { event }),
        ),
      ],
    );
    assert.equal(lines, OPS.length * (HISTOGRAM_LINES + COUNTERS.length) + 18);
    assert.ok(bytes < lines * LINE_BYTES, `${bytes} bytes`);
  });
});
