import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Cgroups } from '../../../src/containers/cgroups.ts';
import { identify } from '../../../src/containers/identity.ts';
import { CAUSES } from '../../../src/receivers/overlayfs/causes.ts';
import type { CgroupTotals, OperationTotals } from '../../../src/receivers/overlayfs/counts.ts';
import { latencyOf, metrics } from '../../../src/receivers/overlayfs/metrics.ts';
import { eachOp, OPS, type Op } from '../../../src/receivers/overlayfs/operations.ts';
import type { OverlayfsReceiver } from '../../../src/receivers/overlayfs/receiver.ts';
import { overlayfsSamples } from '../../../src/receivers/overlayfs/samples.ts';
import { OverlayfsSource } from '../../../src/receivers/overlayfs/source.ts';
import { exemplar } from '../../support/metric-data.ts';
import { nothingDone } from '../../support/operation-totals.ts';
import { samplesIn } from '../../support/samples.ts';

const NOTHING = nothingDone(3);
const READS: OperationTotals = { ...NOTHING, sumNs: 700, buckets: [1, 2, 3] };

function totals(values: Partial<CgroupTotals> & { [op in Op]?: OperationTotals }): CgroupTotals {
  const { key = '1.0', cgroupId = 42n, bornNs = 0 } = values;
  return { key, cgroupId, bornNs, operations: eachOp((op) => values[op] ?? NOTHING) };
}

function samplesOf(...all: CgroupTotals[]) {
  return [...overlayfsSamples(all, (id) => identify(`/cgroup-${id}`))];
}

suite('the counts of a cgroup', () => {
  test('that did nothing are no samples', () => assert.deepEqual(samplesOf(totals({})), []));

  for (const op of OPS) {
    test(`of ${op} are one sample of its latency`, () => {
      assert.deepEqual(
        samplesOf(totals({ [op]: READS })).map(({ metric }) => metric),
        [latencyOf[op]],
      );
    });
  }

  test('of operations of one histogram are told apart by an attribute, and are members of their own', () => {
    const samples = samplesOf(totals({ create: READS, remove: READS, copy_up_open: READS }));
    assert.deepEqual(
      samples.map(({ metric, member }) => [metric.name, member.attributes]),
      [
        ['floatie_overlayfs_metadata_latency_us', { op: 'create', cgroup: '/cgroup-42' }],
        ['floatie_overlayfs_metadata_latency_us', { op: 'remove', cgroup: '/cgroup-42' }],
        ['floatie_overlayfs_copy_up_latency_us', { op: 'open', cgroup: '/cgroup-42' }],
      ],
    );
    assert.equal(new Set(samples.map(({ member }) => member.key)).size, 3);
  });

  test('have the slow operations of their kind as exemplars', () => {
    const slow = { read: [exemplar(1)], remove: [exemplar(2)] };
    const all = [totals({ read: READS, create: READS, remove: READS }), totals({ cgroupId: 43n, read: READS })];
    const samples = overlayfsSamples(all, (id) => identify(`/cgroup-${id}`), {
      of: (id) => (id === 42n ? slow : undefined),
    });
    assert.deepEqual(
      Array.from(samples, ({ member }) => member.exemplars),
      [slow.read, undefined, slow.remove, undefined],
    );
  });

  test('are the sum followed by the buckets', () => {
    const [sample] = overlayfsSamples([totals({ read: READS })], () => identify('/app'));
    assert.deepEqual(Array.from(sample?.member.totals ?? []), [700, 1, 2, 3]);
  });

  test('have the cgroup as their attribute', () => {
    assert.deepEqual(samplesOf(totals({ read: READS }))[0]?.member.attributes, { cgroup: '/cgroup-42' });
  });

  test('have the container where the path names one', () => {
    const id = 'c'.repeat(64);
    const [sample] = overlayfsSamples([totals({ read: READS })], () => identify(`/docker/${id}`));
    assert.deepEqual(sample?.member.attributes, { cgroup: `/docker/${id}`, 'container.id': id });
  });

  for (const op of OPS) {
    for (const [field, metric, own] of [
      ['bytes', 'floatie_overlayfs_bytes_total', {}],
      ['zeros', 'floatie_overlayfs_zero_total', {}],
      ['async', 'floatie_overlayfs_async_total', {}],
      ['ENOSPC', 'floatie_overlayfs_errors_total', { error_type: 'ENOSPC' }],
      ['other', 'floatie_overlayfs_errors_total', { error_type: 'other' }],
      ['cpuNs', 'floatie_overlayfs_wait_seconds_total', { cause: 'cpu' }],
      ['otherNs', 'floatie_overlayfs_wait_seconds_total', { cause: 'other' }],
      ['fetched', 'floatie_overlayfs_device_read_bytes_total', {}],
    ] as const) {
      test(`of ${op} that are ${field} only are in no histogram`, () => {
        const samples = samplesOf(totals({ [op]: { ...NOTHING, [field]: 3 } }));
        assert.deepEqual(
          samples.map(({ metric, member }) => [metric.name, member.attributes, Array.from(member.totals)]),
          [[metric, { op, ...own, cgroup: '/cgroup-42' }, [3]]],
        );
      });
    }
  }

  test('of time on the CPU and of reads from the page cache are redundant until one waits or fetches', () => {
    const redundant = (counts: Partial<OperationTotals>) =>
      samplesOf(totals({ read: { ...NOTHING, cpuNs: 5, cache: 1, ...counts } })).filter(
        ({ member }) => member.isRedundant,
      ).length;
    assert.equal(redundant({}), 2);
    for (const cause of CAUSES.filter((cause) => cause !== 'cpu')) assert.equal(redundant({ [`${cause}Ns`]: 1 }), 0);
    assert.equal(redundant({ fetched: 1 }), 0);
  });

  test('of reads have the source of their data', () => {
    const samples = samplesOf(totals({ read: { ...READS, cache: 6, readahead: 2, device: 1, deviceNs: 1 } })).filter(
      ({ metric }) => metric === metrics.reads,
    );
    assert.deepEqual(
      samples.map(({ member }) => [member.attributes.source, ...Array.from(member.totals)]),
      [
        ['cache', 6],
        ['readahead', 2],
        ['device', 1],
      ],
    );
  });

  test('of what failed are a member for each operation and each type of error', () => {
    const failed = { ...NOTHING, ENOSPC: 1, EIO: 1 };
    const keys = samplesOf(totals({ read: failed, write: failed })).map(({ member }) => member.key);
    assert.equal(new Set(keys).size, 4);
  });

  test('of all that found no place are marked as the overflow', () => {
    assert.deepEqual(samplesOf(totals({ cgroupId: null, read: READS }))[0]?.member.attributes, {
      'otel.metric.overflow': true,
    });
  });

  test('start at the time of day when the cgroup got its place', () => {
    const before = Date.now();
    const [sample] = samplesOf(totals({ read: READS, bornNs: Number(process.hrtime.bigint()) }));
    const [seconds = 0, nanoseconds = 0] = sample?.member.startTime ?? [];
    const ms = seconds * 1000 + nanoseconds / 1e6;
    assert.ok(Math.abs(ms - before) < 1000, `${ms} is not near ${before}`);
  });

  test('belong to no metric but those of the source', () => {
    const busy = { ...READS, bytes: 1, zeros: 1, async: 1, ENOSPC: 1 };
    const { metrics } = new OverlayfsSource({} as OverlayfsReceiver, new Cgroups(null));
    const known = new Set<object>(metrics);
    const all = totals(eachOp(() => busy));
    assert.ok(samplesOf(all).every(({ metric }) => known.has(metric)));
  });
});

suite('the source of overlayfs metrics', () => {
  /** What the source asks of a receiver. */
  function receiverWith(fake: {
    read?: () => CgroupTotals[];
    cgroupIds?: () => bigint[];
    retire?: () => CgroupTotals[];
  }): OverlayfsReceiver {
    return {
      each: fake.read ?? (() => []),
      read: () => [],
      cgroupIds: () => [],
      retire: () => [],
      isBanished: () => false,
      ...fake,
    } as unknown as OverlayfsReceiver;
  }

  function withCgroup(work: (mount: string, id: bigint) => void): void {
    const mount = mkdtempSync(join(tmpdir(), 'floatie-cgroups-'));
    try {
      mkdirSync(join(mount, 'app'));
      work(mount, statSync(join(mount, 'app'), { bigint: true }).ino);
    } finally {
      rmSync(mount, { recursive: true });
    }
  }

  test('names the cgroups it reads', () => {
    withCgroup((mount, id) => {
      const receiver = receiverWith({ read: () => [totals({ cgroupId: id, read: READS })], cgroupIds: () => [id] });
      const [sample] = new OverlayfsSource(receiver, new Cgroups(mount)).read();
      assert.deepEqual(sample?.member.attributes, { cgroup: '/app' });
    });
  });

  test('names a cgroup that appears in the kernel while others are being named', () => {
    withCgroup((mount, id) => {
      let appeared = false;
      const receiver = receiverWith({
        cgroupIds() {
          const ids = appeared ? [id] : [];
          appeared = true;
          return ids;
        },
        read() {
          appeared = true;
          return [totals({ cgroupId: id, read: READS })];
        },
      });
      const [sample] = new OverlayfsSource(receiver, new Cgroups(mount)).read();
      assert.deepEqual(sample?.member.attributes, { cgroup: '/app' });
    });
  });

  test('gives no series to a cgroup that is still looked for: it would be called unknown for ever', () => {
    withCgroup((mount) => {
      const gone = totals({ cgroupId: 1n, read: READS });
      const source = new OverlayfsSource(receiverWith({ read: () => [gone] }), new Cgroups(mount));
      assert.deepEqual(samplesIn(source), []);
      assert.deepEqual(samplesIn(source)[0]?.member.attributes, { cgroup: 'unknown' });
    });
  });

  test('decides what all are called before the last read', () => {
    withCgroup((mount) => {
      const gone = totals({ cgroupId: 1n, read: READS });
      const receiver = receiverWith({ read: () => [gone], cgroupIds: () => [1n] });
      const source = new OverlayfsSource(receiver, new Cgroups(mount));
      source.settle();
      assert.deepEqual(samplesIn(source)[0]?.member.attributes, { cgroup: 'unknown' });
    });
  });

  for (const chosen of OPS) {
    test(`counts ${chosen} of cgroups that are left out, and goes on when they are gone`, () => {
      withCgroup((mount, id) => {
        const one = totals({ cgroupId: id, [chosen]: { ...READS, EIO: 2 } });
        let all: CgroupTotals[] = [one];
        let last: CgroupTotals[] = [];
        const receiver = receiverWith({ read: () => all, retire: () => last });
        const source = new OverlayfsSource(receiver, new Cgroups(mount), (cgroup) => cgroup !== '/app');
        const excluded = (): unknown[] =>
          Array.from(samplesIn(source), ({ metric, member }) => [metric.name, member.attributes.op, member.totals[0]]);
        const expected = OPS.map((op) => [metrics.excluded.name, op, op === chosen ? 1 + 2 + 3 + 2 : 0]);
        assert.deepEqual(excluded(), expected);
        all = [];
        last = [one];
        assert.deepEqual(source.retire(), []);
        assert.deepEqual(excluded(), expected);
      });
    });
  }

  test('says nothing of what cgroups did that are left out where that is not measured', () => {
    withCgroup((mount) => {
      const source = new OverlayfsSource(receiverWith({}), new Cgroups(mount), () => false, ['read', 'sync']);
      assert.deepEqual(
        Array.from(samplesIn(source), ({ member }) => member.attributes),
        [{ op: 'read' }, { op: 'sync' }],
      );
    });
  });

  for (const op of OPS)
    test(`counts each ${op} once when a cgroup is left out, and let in again`, () => {
      withCgroup((mount, id) => {
        const reads = (count: number): CgroupTotals[] => [
          totals({ cgroupId: id, [op]: { ...NOTHING, sumNs: count * 100, buckets: [count, 0, 0] } }),
        ];
        let all = reads(3);
        const source = new OverlayfsSource(receiverWith({ read: () => all }), new Cgroups(mount), null);
        const leaveOut = (cgroup: string): boolean => cgroup !== '/app';
        const seen = () =>
          Array.from(
            source
              .read()
              .filter((sample) => sample !== null)
              .flatMap(({ metric, member }) => {
                const isLatency = metric.kind === 'histogram';
                return isLatency || member.attributes.op === op ? [[isLatency, ...Array.from(member.totals)]] : [];
              }),
          );
        assert.deepEqual(seen(), [[true, 300, 3, 0, 0]]);
        all = reads(5);
        const last = source.choose(leaveOut);
        assert.deepEqual(
          last.map(({ member }) => Array.from(member.totals)),
          [[500, 5, 0, 0]],
        );
        assert.deepEqual(seen(), [[false, 0]]);
        all = reads(9);
        assert.deepEqual(seen(), [[false, 4]]);
        assert.deepEqual(source.choose(leaveOut), []);
        assert.deepEqual(
          source.choose((cgroup) => cgroup !== '/other'),
          [],
        );
        assert.deepEqual(seen(), [[false, 4]]);
        all = reads(10);
        assert.deepEqual(seen(), [
          [true, 100, 1, 0, 0],
          [false, 4],
        ]);
      });
    });

  test('leaves out a removed cgroup that another source has forgotten by then', () => {
    withCgroup((mount, id) => {
      const cgroups = new Cgroups(mount);
      const all = [totals({ cgroupId: id, read: READS })];
      const source = new OverlayfsSource(receiverWith({ read: () => all }), cgroups);
      assert.equal(samplesIn(source).length, 1);
      rmSync(join(mount, 'app'), { recursive: true });
      cgroups.forget(id);
      assert.deepEqual(
        source.choose((cgroup) => cgroup !== '/app').map(({ member }) => member.attributes),
        [{ cgroup: '/app' }],
      );
      assert.equal(
        samplesIn(source).reduce((sum, { member }) => sum + (member.totals[0] ?? 0), 0),
        0,
      );
    });
  });

  test('gives the last counts of a removed cgroup under the name it had', () => {
    withCgroup((mount, id) => {
      const last = [totals({ cgroupId: id, read: READS })];
      const source = new OverlayfsSource(
        receiverWith({ cgroupIds: () => [id], retire: () => last }),
        new Cgroups(mount),
      );
      for (const _ of source.learning());
      rmSync(join(mount, 'app'), { recursive: true });
      assert.deepEqual(source.retire()[0]?.member.attributes, { cgroup: '/app' });
    });
  });

  test('forgets a cgroup whose last counts it gave', () => {
    withCgroup((mount, id) => {
      const cgroups = new Cgroups(mount);
      const source = new OverlayfsSource(
        receiverWith({ cgroupIds: () => [id], retire: () => [totals({ cgroupId: id })] }),
        cgroups,
      );
      for (const _ of source.learning());
      source.retire();
      assert.equal(cgroups.knows(id), false);
    });
  });
});
