/** What a container costs in each scrape, in lines and bytes of the plain text, and in bytes of protobuf. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { kernelBoundsNs } from '../../src/config/bounds.ts';
import { nativeOf } from '../../src/config/exporters.ts';
import { loadConfig } from '../../src/config/load.ts';
import { attributesOf } from '../../src/containers/attributes.ts';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { type Identity, identify } from '../../src/containers/identity.ts';
import type { Format } from '../../src/exporters/prometheus/formats/format.ts';
import { PROTOBUF } from '../../src/exporters/prometheus/formats/protobuf.ts';
import { TEXT } from '../../src/exporters/prometheus/formats/text.ts';
import { toNs } from '../../src/metrics/buckets.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import { createProducer } from '../../src/metrics/producer.ts';
import { MetricRegistry, type Source } from '../../src/metrics/registry.ts';
import { monotonicNs } from '../../src/program/clock.ts';
import { metrics as oom } from '../../src/receivers/oom/metrics.ts';
import { CAUSES } from '../../src/receivers/overlayfs/causes.ts';
import type { CgroupTotals, OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { ERROR_TYPES, eachOp, OPS } from '../../src/receivers/overlayfs/operations.ts';
import type { OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { OverlayfsSource } from '../../src/receivers/overlayfs/source.ts';
import { metrics as pressure } from '../../src/receivers/pressure/metrics.ts';
import { chunksOf } from '../support/collections.ts';
import { nothingDone } from '../support/operation-totals.ts';

const CONFIG = loadConfig({ env: {}, set: [] });
const BOUNDS_US = CONFIG.receivers.overlayfs.bounds_us;
const GRID_NS = kernelBoundsNs(CONFIG, 'overlayfs');
const IDENTITY = identityOf('');

const NOTHING: OperationTotals = nothingDone(BOUNDS_US.length + 1);
/** A million operations, of every duration: as many digits as a busy day has. */
const MILLION: OperationTotals = { ...NOTHING, sumNs: 1.5e13, buckets: NOTHING.buckets.map(() => 1e6) };

/** That moved 4 kB each, and never waited. */
const MOVED: OperationTotals = { ...MILLION, bytes: 21e6 * 4096, cache: 21e6, cpuNs: MILLION.sumNs };
const READS_AND_WRITES = { ...eachOp(() => NOTHING), read: MOVED, write: MOVED };

/** What a scrape has with the container, without what it has anyway. */
async function costOf(operations: CgroupTotals['operations'], others: readonly Source[] = []) {
  const text = (await written(TEXT, [operations], others)).toString();
  const samples = text.split('\n').filter((line) => line !== '' && !/^(#|target_info )/.test(line));
  return { lines: samples.length, bytes: samples.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0) };
}

/** A scrape with a container for each of these. */
async function written(
  format: Format,
  containers: readonly CgroupTotals['operations'][],
  others: readonly Source[] = [],
  gridNs: readonly number[] = BOUNDS_US.map(toNs),
): Promise<Buffer> {
  const all = containers.map(
    (operations, at): CgroupTotals => ({
      ...{ key: `${at}.0`, cgroupId: BigInt(at), bornNs: monotonicNs() - 1e9, operations },
    }),
  );
  const receiver = { each: () => all, read: () => all } as unknown as OverlayfsReceiver;
  const ids = containers.keys();
  const cgroups = new Cgroups(null, () => identityOf(`${ids.next().value}`));
  const registry = new MetricRegistry([]);
  for (const source of [new OverlayfsSource(receiver, cgroups), ...others]) {
    registry.addSource(source, { gridNs, defaultBounds: BOUNDS_US });
  }
  const native = nativeOf(CONFIG.exporters.prometheus);
  const form = { temporality: AggregationTemporality.CUMULATIVE, lazy: true, ...(native && { native }) };
  const { resourceMetrics, errors } = await createProducer(registry, form).collect();
  assert.deepEqual(errors, []);
  return Buffer.concat(chunksOf(format, resourceMetrics));
}

function identityOf(id: string): Identity {
  return identify(`/system.slice/docker-${id.padStart(64, 'd')}.scope`);
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
      const linesWith = async (counts: Partial<OperationTotals>): Promise<number> =>
        (await costOf({ ...eachOp(() => NOTHING), [op]: { ...NOTHING, ...counts } })).lines;
      for (const counter of COUNTERS) assert.equal(await linesWith({ [counter]: 1 }), counter === 'cpuNs' ? 0 : 1);
      assert.equal(await linesWith({ cpuNs: 1, runqueueNs: 1 }), 2);
    }
  });

  test('48 lines and 11,540 bytes at most when it reads and writes, and does nothing else', async () => {
    const { lines, bytes } = await costOf(READS_AND_WRITES);
    assert.ok(lines <= 48 && bytes <= 11_540, `${lines} lines, ${bytes} bytes`);
  });

  test('1,000 bytes of protobuf at most then', async () => {
    const buckets = GRID_NS.map((_, at) => (at > 60 && at < 70 ? 1e5 + 1000 * at : 0));
    const op = { ...MOVED, buckets: [...buckets, 0] };
    const one = { ...eachOp(() => nothingDone(GRID_NS.length + 1)), read: op, write: op };
    const sizes = await Promise.all([[one], [one, one]].map((all) => written(PROTOBUF, all, [], GRID_NS)));
    const [first = 0, both = 0] = sizes.map(({ length }) => length);
    assert.ok(both - first <= 1000, `${both - first} bytes`);
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
