/** Cgroups that this process cannot see, or not for the moment, are not taken for gone. */
import assert from 'node:assert/strict';
import fs, { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, type TestContext, test } from 'node:test';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { Inventory } from '../../src/containers/inventory.ts';
import { joinRaw, type RawPath, rawPath } from '../../src/kernel/raw-path.ts';
import { MemoryReader } from '../../src/receivers/pressure/memory.ts';
import { holdClocks } from '../support/clocks.ts';

const CONTAINER = '0123456789abcdef'.repeat(4);
/** Names of cgroups that are no UTF-8. */
const BAD = rawPath('/bad\xffname');
const WORSE = rawPath('/bad\xfename');

let mount: string;

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'floatie-unseen-'));
});

afterEach(() => rmSync(mount, { recursive: true, force: true }));

function create(path: RawPath): bigint {
  mkdirSync(joinRaw(mount, path));
  return statSync(joinRaw(mount, path), { bigint: true }).ino;
}

/** Asks as often as it takes until it is decided what a cgroup is called. */
function learned(id: bigint): Cgroups {
  const cgroups = new Cgroups(mount);
  for (let pass = 0; pass < 3; pass++) cgroups.learn([id]);
  return cgroups;
}

/** Folders cannot be listed, for this reason, until what it returns is called. */
function refuse(context: TestContext, code: string): () => void {
  const { mock } = context.mock.method(fs, 'readdirSync', () => {
    throw Object.assign(new Error(code), { code });
  });
  const allow = (): void => {
    mock.restore();
    syncBuiltinESMExports();
  };
  syncBuiltinESMExports();
  context.after(allow);
  return allow;
}

suite('a cgroup whose name is no UTF-8', () => {
  test('has a name for people', () => {
    const id = create(BAD);
    assert.equal(learned(id).path(id), '/bad\ufffdname');
  });

  test('is there until it is removed, like those below it', () => {
    const id = create(BAD);
    const below = create(joinRaw(BAD, 'below'));
    const cgroups = learned(below);
    for (let pass = 0; pass < 2; pass++) cgroups.learn([id]);
    assert.deepEqual([cgroups.isGone(id), cgroups.isGone(below)], [false, false]);
    rmdirSync(joinRaw(mount, joinRaw(BAD, 'below')));
    assert.deepEqual([cgroups.isGone(id), cgroups.isGone(below)], [false, true]);
  });

  test('is not another one that looks the same', () => {
    const [bad, worse] = [create(BAD), create(WORSE)];
    const cgroups = learned(bad);
    for (let pass = 0; pass < 2; pass++) cgroups.learn([worse]);
    rmdirSync(joinRaw(mount, BAD));
    assert.deepEqual([cgroups.isGone(bad), cgroups.isGone(worse)], [true, false]);
  });

  test('can have a container below it, whose memory is read', () => {
    create(BAD);
    create(joinRaw(BAD, CONTAINER));
    const inventory = new Inventory(mount);
    assert.deepEqual(inventory.discover(), []);
    const [container] = inventory.containers();
    assert.equal(container?.identity.containerId, CONTAINER);
    assert.equal(inventory.isGone(container), false);
    const folder = joinRaw(mount, container.raw);
    writeFileSync(joinRaw(folder, 'memory.max'), '1000\n');
    writeFileSync(joinRaw(folder, 'memory.current'), '300\n');
    writeFileSync(joinRaw(folder, 'memory.stat'), 'inactive_file 0\n');
    assert.equal(new MemoryReader({ mount, version: 2 }).headroom(container.raw), 700);
  });
});

test('a container that a walk could not see for lack of file descriptors is found a minute later', (context) => {
  const clocks = holdClocks(context);
  create('/a');
  create(`/a/${CONTAINER}`);
  const inventory = new Inventory(mount);
  const discovered = (): (string | undefined)[] => {
    inventory.discover();
    return Array.from(inventory.containers(), ({ identity }) => identity.containerId);
  };
  const allow = refuse(context, 'EMFILE');
  assert.deepEqual(discovered(), []);
  allow();
  assert.deepEqual(discovered(), []);
  clocks.pass(60_000);
  assert.deepEqual(discovered(), [CONTAINER]);
});

suite('a cgroup that cannot be seen', () => {
  test('is not gone where no hierarchy is visible', () => {
    const cgroups = new Cgroups(null);
    cgroups.learn([1n]);
    assert.deepEqual([cgroups.knows(1n), cgroups.isGone(1n)], [true, false]);
  });

  test('is not gone before anybody has looked for it', () => {
    assert.equal(new Cgroups(mount).isGone(1n), false);
  });

  test('is not gone where a folder may not be listed', (context) => {
    const id = create('/a');
    refuse(context, 'EACCES');
    const cgroups = learned(id);
    assert.deepEqual([cgroups.knows(id), cgroups.path(id), cgroups.isGone(id)], [true, null, false]);
  });

  test('is not gone while its folder may not be looked at', (context) => {
    const id = create('/a');
    const cgroups = learned(id);
    const stat = fs.statSync;
    context.mock.method(fs, 'statSync', (path: fs.PathLike, options: fs.StatSyncOptions) => {
      if (path === join(mount, 'a')) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      return stat(path, options);
    });
    syncBuiltinESMExports();
    context.after(syncBuiltinESMExports);
    assert.equal(cgroups.isGone(id), false);
    context.mock.restoreAll();
  });

  test('is not gone with a path that is too long', () => {
    let path: RawPath = '';
    for (let depth = 0; depth < 20; depth++) {
      path = joinRaw(path, `/${'x'.repeat(200)}`);
      // The last ones cannot be named from the root.
      mkdirSync(joinRaw(mount, path), { recursive: true });
    }
    const parent = joinRaw(mount, path);
    process.chdir(String(parent));
    try {
      mkdirSync('y'.repeat(200));
      const { ino } = statSync('y'.repeat(200), { bigint: true });
      const cgroups = learned(ino);
      assert.deepEqual([cgroups.path(ino), cgroups.isGone(ino)], [null, false]);
    } finally {
      rmdirSync('y'.repeat(200));
      process.chdir('/');
    }
  });

  test('is not gone when the hierarchy is mounted no more', () => {
    const id = create('/a');
    const cgroups = learned(id);
    create(`/${CONTAINER}`);
    const inventory = new Inventory(mount);
    inventory.discover();
    renameSync(mount, `${mount}-away`);
    try {
      assert.equal(cgroups.isGone(id), false);
      assert.deepEqual(inventory.discover(), []);
    } finally {
      renameSync(`${mount}-away`, mount);
    }
  });
});

for (const code of ['EMFILE', 'ENFILE']) {
  suite(`a cgroup that cannot be looked for, for want of descriptors (${code})`, () => {
    test('is named as soon as it can', (context) => {
      const id = create('/a');
      const cgroups = new Cgroups(mount);
      const allow = refuse(context, code);
      for (let pass = 0; pass < 10; pass++) cgroups.learn([id]);
      assert.equal(cgroups.knows(id), false);
      allow();
      cgroups.learn([id]);
      assert.equal(cgroups.path(id), '/a');
    });

    test('is unknown, and not gone, when that lasts', (context) => {
      const clocks = holdClocks(context);
      const id = create('/a');
      const cgroups = new Cgroups(mount);
      refuse(context, code);
      cgroups.learn([id]);
      clocks.pass(60_000);
      for (let pass = 0; pass < 2; pass++) cgroups.learn([id]);
      assert.deepEqual([cgroups.knows(id), cgroups.path(id), cgroups.isGone(id)], [true, null, false]);
    });

    test('is decided at once when there is no later', (context) => {
      const id = create('/a');
      const cgroups = new Cgroups(mount);
      refuse(context, code);
      for (let pass = 0; pass < 2; pass++) cgroups.learn([id], Number.POSITIVE_INFINITY, 0);
      assert.equal(cgroups.knows(id), true);
    });
  });
}
