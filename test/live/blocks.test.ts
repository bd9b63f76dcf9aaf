/** Where counts are kept: memory that is claimed by those who use it, within a budget. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { BpfObject, possibleCpus } from '../../src/native/index.ts';
import { type Layout, layoutOf } from '../../src/receivers/blocks.ts';
import { Histograms } from '../../src/receivers/histograms.ts';
import { CELLS, failedOf } from '../../src/receivers/overlayfs/counts.ts';
import { OPS } from '../../src/receivers/overlayfs/operations.ts';
import type { OverlayfsOptions } from '../../src/receivers/overlayfs/receiver.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { mapsOf } from '../support/kernel-objects.ts';
import { mountOverlay } from '../support/overlay.ts';
import { count, OPTIONS, operationsOf, started } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { scaled } from '../support/scale.ts';
import { mountTracefs } from '../support/tracefs.ts';

/** Blocks of more than 4 kB: there is a spare one for each four slots. */
const WIDE = Array.from({ length: 500 }, (_, index) => 1000 * (index + 1));
const SLOTS = OPTIONS.maxMapEntries + 1;

suite('blocks of cells', { skip: missing('root', 'btf') }, () => {
  test('are claimed by a cgroup that works a lot, and come back when it is gone', async () => {
    await using setup = await start(OPTIONS);
    for (let life = 0; life < 3; life++) {
      {
        await using cgroup = setup.group('works');
        setup.work(cgroup);
        assert.ok(setup.claimed() > 0, `${setup.claimed()} blocks are claimed`);
      }
      await eventually('they came back', () => {
        setup.it.retire(() => true, performance.now());
        return setup.claimed() === 0;
      });
    }
  });

  test('that are all taken leave every count exact', async () => {
    await using setup = await start({ ...OPTIONS, boundsNs: WIDE });
    await using cgroups = new AsyncDisposableStack();
    for (let index = 0; index < SLOTS - 1; index++) setup.work(cgroups.use(setup.group(`works-${index}`)));
    const { spares } = layoutFor({ ...OPTIONS, boundsNs: WIDE });
    assert.ok(spares < SLOTS);
    assert.equal(setup.claimed(), spares);
  });

  test('that are all taken leave the rest to the overflow, exactly', async () => {
    await using setup = await start({ ...OPTIONS, firstBlocks: 3 });
    await using cgroups = new AsyncDisposableStack();
    const done = [0, 0];
    for (let index = 0; index < 4; index++) {
      const { reads, writes } = setup.run(cgroups.use(setup.group(`works-${index}`)));
      done[0] += reads;
      done[1] += writes;
    }
    const all = setup.it.read().map(({ operations: { read, write } }) => [count(read), count(write)] as const);
    const sums = all.reduce(([reads, writes], [read, write]) => [reads + read, writes + write], [0, 0]);
    assert.deepEqual(sums, done);
    assert.ok(setup.it.overflowed() > 0);
  });

  test('of cgroups that are no more go to new ones, also while there are entries', async () => {
    // A quarter comes back: more than is needed, since threads that claim for a row at once may take a block too many.
    await using setup = await start({ ...OPTIONS, firstBlocks: 24 });
    await using cgroups = new AsyncDisposableStack();
    for (let index = 0; index < 8; index++) setup.run(cgroups.use(setup.group(`works-${index}`)));
    const claims = { isGone: () => true, isReadSince: () => true, isShown: () => true, sharerOf: String };
    setup.it.read();
    await eventually('entries are free', () => {
      setup.it.reclaim(claims, performance.now());
      return setup.it.usedEntries() < 8;
    });
    setup.work(cgroups.use(setup.group('works-anew')));
  });

  for (const cpus of [2, 64]) {
    test(`of 16 operations with 280 bounds take at most 64 MB for 1,024 cgroups on ${cpus} CPUs`, (context) => {
      const object = BpfObject.open(join(OPTIONS.objects, 'overlayfs.bpf.o'));
      for (const name of ['threads', 'threads_by_id']) object.map(name).skip();
      const histograms = new Histograms(object, {
        operations: Array.from({ length: 16 }, (_, index) => `operation ${index}`),
        counters: ['sum', 'errors', 'zeros', 'async'],
        boundsNs: Array.from({ length: 280 }, (_, index) => index + 1),
        maxMapEntries: 1024,
        expireMs: 0,
        cpus,
      });
      try {
        const bytes = mapsOf(process.pid).reduce((sum, { bytes_memlock }) => sum + bytes_memlock, 0);
        context.diagnostic(`${bytes} bytes`);
        assert.ok(bytes > 10e6 && bytes <= 64e6, `${bytes} bytes`);
      } finally {
        histograms.close();
      }
    });
  }
});

function layoutFor({ boundsNs, maxMapEntries, firstBlocks }: OverlayfsOptions): Layout {
  const cells = CELLS.length + boundsNs.length + 1;
  return layoutOf(maxMapEntries + 1, OPS.length, cells, possibleCpus(), firstBlocks);
}

async function start(options: OverlayfsOptions) {
  const resources = new AsyncDisposableStack();
  resources.use(mountTracefs());
  const overlay = resources.use(mountOverlay());
  const parent = resources.use(createCgroup('blocks'));
  const cgroupId = cgroupIdOf(findHierarchy(), parent.name);
  // By the classic tracepoints, which no kernel interrupts.
  const { it } = resources.use(await started({ ...options, cgroupId, expireMs: 0, attach: 'syscall_classic' }));
  const run = (cgroup: ReturnType<typeof createCgroup>) => {
    const numbers = [`${scaled(10_000)}`, `${scaled(5000)}`, '8'];
    return JSON.parse(cgroup.run(fixture('io'), 'mixed', join(overlay.path, 'file'), ...numbers));
  };
  const { firsts } = layoutFor(options);
  return {
    it,
    run,
    group: (name: string) => createCgroup(name, `${parent.name}/${name}`.slice(1)),
    /** Many reads and writes by eight threads, all of which are counted. */
    work(cgroup: ReturnType<typeof createCgroup>): void {
      const did = run(cgroup);
      const { read, write } = operationsOf(it, cgroup);
      assert.deepEqual([count(read), count(write)], [did.reads, did.writes]);
      assert.deepEqual([failedOf(read), failedOf(write)], [did.read_errors, did.write_errors]);
    },
    /** The number of spare blocks that are claimed. */
    claimed: () =>
      ownersOf(process.pid)
        .slice(1 + firsts)
        .filter((owner) => owner !== 0).length,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** By block, what the kernel wrote: 0 for a block that nobody has. */
function ownersOf(pid: number): number[] {
  const map = mapsOf(pid).find(({ name }) => name === 'owners');
  assert.ok(map);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const dump = JSON.parse(
    execFileSync('bpftool', ['map', 'dump', 'id', `${map.id}`, '-j'], { encoding: 'utf8', env, maxBuffer: 1 << 28 }),
  ) as { readonly formatted: { readonly value: number } }[];
  return dump.map(({ formatted }) => formatted.value);
}
