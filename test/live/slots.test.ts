/** Map entries are for everybody: what is no more gives its entry back, and nobody holds those that others need. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { createCgroup } from '../support/cgroup.ts';
import { startWriter } from '../support/churn.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { type Metrics, operationsInOverflow } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { count, OPTIONS, started } from '../support/overlayfs-receiver.ts';
import { createPidNamespace } from '../support/pid-namespace.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us_count';
const ALL_WRITES = 'all_writes_count';
const VIEWS = `views=[{selector: {instrument_name: floatie_overlayfs_write_latency_us}, stream: {attribute_keys: {excluded: []}}}, {selector: {instrument_name: floatie_overlayfs_write_latency_us}, stream: {name: all_writes, attribute_keys: {included: []}}}]`;
const ENTRIES = 16;

suite('map entries', { skip: missing('root', 'btf', 'pid namespaces') }, () => {
  test('of cgroups that are no more go to new containers once their last counts were scraped', async () => {
    await using setup = await start();
    const { group, floatie } = setup;
    for (let index = 0; index < 3 * ENTRIES; index++) {
      const path = group(`churn/${index}`);
      await setup.write(path, 2);
      await setup.remove(path);
      if (index % 4 === 0) await setup.look();
      await pause(20);
    }
    await setup.watchContainer();
    const metrics = await setup.look();
    assert.ok(metrics.sum('floatie_map_entries') <= ENTRIES);
    assert.equal(floatie.process.exitCode, null);
  });

  test('that one container holds for its many cgroups go to others, and its operations to the overflow series', async () => {
    await using setup = await start();
    const container = `libpod-${randomBytes(32).toString('hex')}`;
    const paths = Array.from({ length: 2 * ENTRIES }, (_, index) => setup.group(`${container}/${index}`));
    for (const path of paths) await setup.write(path, 3);
    await setup.look();
    await setup.watchContainer();
    for (const path of paths) await setup.write(path, 3);
    const metrics = await setup.look();
    const held = metrics.select(WRITES).filter(({ labels }) => labels.cgroup?.includes(container));
    assert.ok(held.length < ENTRIES, `${held.length} cgroups of one container have series`);
    assert.ok(held.length > ENTRIES / 4, `${held.length} cgroups of one container have series`);
  });

  test('have the counts of their own cgroups alone, though what is given of one is used again for the next', async () => {
    using overlay = mountOverlay();
    using receiver = await started(OPTIONS);
    await using atEnd = createCgroup('reads-to-the-end');
    await using before = createCgroup('reads-less');
    const file = join(overlay.path, 'file');
    writeFileSync(file, 'more than one byte');
    atEnd.run('cat', file);
    before.run('dd', `if=${file}`, 'of=/dev/null', 'bs=1', 'count=1');
    const each = Array.from(receiver.it.each(), (one) => structuredClone(one));
    const zeros = each.flatMap(({ cgroupId, operations: { read } }) => (cgroupId === null ? [] : (read?.zeros ?? 0)));
    assert.deepEqual(zeros.slice(-2), [1, 0]);
    assert.deepEqual(each, receiver.it.read());
  });

  test('of cgroups that nobody saw go into the overflow series with all their counts', async () => {
    using overlay = mountOverlay();
    using receiver = await started({ ...OPTIONS, maxMapEntries: 4 });
    const cgroups = new AsyncDisposableStack();
    await using _ = cgroups;
    for (let index = 0; index < 4; index++) {
      const cgroup = cgroups.use(createCgroup(`unread-${index}`));
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    }
    const total = (): number => receiver.it.read().reduce((sum, { operations }) => sum + count(operations.write), 0);
    const before = total();
    const claims = { isGone: () => false, isReadSince: () => false, isShown: () => false, sharerOf: () => 'all' };
    await eventually('an entry is free', () => {
      receiver.it.reclaim(claims, performance.now());
      return receiver.it.usedEntries() < 4;
    });
    assert.ok(receiver.it.overflowed() >= 100, `${receiver.it.overflowed()} operations are in the overflow series`);
    assert.ok(total() >= before, `${total()} writes of ${before} are left`);
  });

  test('have another key for each cgroup that gets the same one', async () => {
    using overlay = mountOverlay();
    using receiver = await started({ ...OPTIONS, maxMapEntries: 1, expireMs: 0 });
    const keys = new Set<string>();
    for (const label of ['first', 'second']) {
      await using cgroup = createCgroup(label);
      await eventually('the entry is free', () => {
        receiver.it.retire(() => true, performance.now());
        return receiver.it.usedEntries() === 0;
      });
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1');
      for (const { key } of receiver.it.entries()) keys.add(key);
    }
    assert.equal(keys.size, 2);
  });

  for (const reading of ['each', 'entries'] as const) {
    test(`are not read on by ${reading}() when the receiver stops meanwhile`, async () => {
      using overlay = mountOverlay();
      using receiver = await started({ ...OPTIONS, maxMapEntries: 4 });
      await using cgroup = createCgroup('read-on');
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1');
      const all = receiver.it[reading]();
      assert.equal(all.next().done, false);
      receiver.it.stop();
      assert.equal(all.next().done, true);
    });
  }
});

suite('a cgroup whose path is too long to be told', { skip: missing('root', 'btf', 'pid namespaces') }, () => {
  test('is called by the nearest ancestor that has a path, and by its container, and keeps its counts', async () => {
    await using setup = await start('receivers.overlayfs.expire_ms=1000');
    const id = randomBytes(32).toString('hex');
    const top = setup.group(`libpod-${id}`);
    const deep = setup.nest(top, 24, 'd'.repeat(200));
    await setup.write(deep, 5);
    const labels = (): Promise<readonly Readonly<Record<string, string>>[]> =>
      setup.look().then((metrics) => metrics.select(WRITES).map((sample) => sample.labels));
    await eventually('it has a series', async () => (await labels()).length > 0);
    const [of] = await labels();
    assert.equal(of?.container_id, id);
    assert.match(of.cgroup ?? '', new RegExp(`^/.*libpod-${id}/d{200}(/d{200})*/…$`));
    const begun = performance.now();
    await setup.write(deep, 5);
    while (performance.now() - begun < 3000) {
      await pause(200);
      assert.equal((await setup.look()).sum(WRITES, { container_id: id }), 10);
    }
  });
});

/** A Floatie with few entries, a folder of cgroups, and one who writes in each. */
async function start(...settings: readonly string[]) {
  const resources = new AsyncDisposableStack();
  const overlay = resources.use(mountOverlay());
  const namespace = resources.use(await createPidNamespace());
  const sets = [VIEWS, ...settings].flatMap((setting) => ['--set', setting]);
  const floatie: Floatie = resources.use(
    await startFloatie(['--max-map-entries', String(ENTRIES), ...sets, ...namespace.only]),
  );
  const mount = findHierarchy().mount ?? '';
  const top = `/floatie-slots-${randomBytes(4).toString('hex')}`;
  const made: string[] = [];
  const held: number[] = [];
  const make = (path: string): string => {
    mkdirSync(path);
    made.push(path);
    return path;
  };
  resources.defer(() => {
    for (const path of made.reverse()) rmdirSync(path);
    held.forEach(closeSync);
  });
  make(join(mount, top));
  const folders = new Set<string>();
  const writer = resources.use(startWriter(namespace));
  resources.defer(() => writer.leave(mount));
  const file = join(overlay.path, 'file');
  let written = 0;
  let overflow = 0;

  const look = async (): Promise<Metrics> => {
    const metrics = await floatie.scrape();
    const now = metrics.sum('floatie_series_overflow_total', { probe: 'overlayfs' });
    assert.ok(now >= overflow, `the overflow fell from ${overflow} to ${now}`);
    assert.equal(operationsInOverflow(metrics), now, 'what finds no entry is counted');
    assert.equal(metrics.sum(ALL_WRITES), written, 'each write is counted once');
    overflow = now;
    return metrics;
  };
  const write = async (path: string, count: number): Promise<void> => {
    written += count;
    await writer.write(path, count, file);
  };
  return {
    floatie,
    look,
    write,
    /** A cgroup, made with its parent. */
    group(name: string): string {
      const [folder = '', child] = name.split('/');
      if (!folders.has(folder)) make(join(mount, top, folder));
      folders.add(folder);
      return child === undefined ? join(mount, top, folder) : make(join(mount, top, name));
    },
    /** As many cgroups in each other. @returns the innermost one, by a path that can be used */
    nest(path: string, levels: number, name: string): string {
      let inner = path;
      for (let level = 0; level < levels; level++) {
        make(join(inner, name));
        const fd = openSync(join(inner, name), 'r');
        held.push(fd);
        inner = `/proc/${process.pid}/fd/${fd}`;
      }
      return inner;
    },
    async remove(path: string): Promise<void> {
      await writer.leave(mount);
      made.splice(made.indexOf(path), 1);
      rmdirSync(path);
    },
    /** A new container writes, and has a series before long; all that it did is in that one or in the overflow. */
    async watchContainer(): Promise<void> {
      const id = randomBytes(32).toString('hex');
      const path = make(join(mount, top, `libpod-${id}`));
      await eventually('the new container has a series', async () => {
        await write(path, 1);
        return (await look()).sum(WRITES, { container_id: id }) > 0;
      });
      const before = (await look()).sum(WRITES, { container_id: id });
      await write(path, 7);
      assert.equal((await look()).sum(WRITES, { container_id: id }), before + 7);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
