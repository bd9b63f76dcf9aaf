import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { mkdirSync, mkdtempSync, renameSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, type TestContext, test } from 'node:test';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { placeAt } from '../../src/kernel/raw-path.ts';

let mount: string;

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'floatie-cgroups-'));
});

afterEach(() => execFileSync('rm', ['-rf', mount]));

/** @returns the id of the new cgroup */
function createCgroup(path: string): bigint {
  mkdirSync(join(mount, path), { recursive: true });
  return idOf(path);
}

function idOf(path: string): bigint {
  return statSync(join(mount, path), { bigint: true }).ino;
}

suite('a cgroup', () => {
  test('has no path before somebody asked for it', () => {
    assert.equal(new Cgroups(mount).path(createCgroup('/a')), null);
  });

  test('is named by its path below the mount', () => {
    const id = createCgroup('/system.slice/docker.service');
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    assert.equal(cgroups.path(id), '/system.slice/docker.service');
  });

  test('at the root is named /', () => {
    const cgroups = new Cgroups(mount);
    cgroups.learn([idOf('/')]);
    assert.equal(cgroups.path(idOf('/')), '/');
  });

  test('that is nowhere has no path', () => {
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n]);
    assert.equal(cgroups.path(1n), null);
  });

  test('that is nowhere does not keep others from being named', () => {
    const id = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n, id]);
    assert.equal(cgroups.path(id), '/a');
  });

  test('that nobody finds is what the kernel told of it, to who asks for that', () => {
    const id = createCgroup('/a');
    const gone = id + 1000n;
    for (const cgroups of [new Cgroups(mount), new Cgroups(null)]) {
      cgroups.learn([gone]);
      cgroups.tell(gone, placeAt('/told'));
      assert.equal(cgroups.identityAsTold(gone).cgroup, '/told');
      assert.equal(cgroups.identity(gone).cgroup, 'unknown', 'a series keeps its name');
    }
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    cgroups.tell(id, placeAt('/told'));
    assert.equal(cgroups.identityAsTold(id).cgroup, '/a');
  });

  test('that the kernel told of is remembered, the last two thousand', () => {
    const cgroups = new Cgroups(mount);
    for (let id = 1n; id <= 3000n; id++) cgroups.tell(id, placeAt(`/${id}`));
    assert.deepEqual(
      [1n, 952n, 953n, 3000n].map((id) => cgroups.identityAsTold(id).cgroup),
      ['unknown', 'unknown', '/953', '/3000'],
    );
  });

  test('keeps its name after it is removed', () => {
    const id = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    rmdirSync(join(mount, 'a'));
    cgroups.learn([id]);
    assert.equal(cgroups.path(id), '/a');
  });

  test('keeps its name for a while when it is forgotten: somebody may still ask whose it was', () => {
    const id = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    cgroups.forget(id);
    assert.equal(cgroups.knows(id), false);
    assert.equal(cgroups.path(id), '/a');
  });

  test('that was met keeps its name when it is first asked for after it is gone', () => {
    const id = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.meet({ ...placeAt('/a'), id, identity: { cgroup: '/a' } });
    rmdirSync(join(mount, 'a'));
    for (let pass = 0; pass < 2; pass++) cgroups.learn([id]);
    assert.deepEqual([cgroups.path(id), cgroups.isGone(id)], ['/a', true]);
  });

  test('that was met gives its name to the one that has its number now', () => {
    const id = createCgroup('/b');
    const cgroups = new Cgroups(mount);
    cgroups.meet({ ...placeAt('/a'), id, identity: { cgroup: '/a' } });
    cgroups.learn([id]);
    assert.equal(cgroups.path(id), '/b');
  });

  test('is forgotten for good when 2,048 others were met since', () => {
    const cgroups = new Cgroups(mount);
    for (let id = 1n; id <= 2049n; id++) cgroups.meet({ ...placeAt(`/${id}`), id, identity: { cgroup: `/${id}` } });
    assert.deepEqual([cgroups.path(1n), cgroups.path(2n)], [null, '/2']);
  });

  test('has an identity, also when nothing is known of it', () => {
    const id = createCgroup(`/docker/${'0123456789abcdef'.repeat(4)}`);
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    assert.equal(cgroups.identity(id).runtime, 'docker');
    assert.deepEqual(cgroups.identity(1n), { cgroup: 'unknown' });
  });

  test('is not looked for behind a symbolic link, which could lead in a circle', () => {
    createCgroup('/a');
    symlinkSync('..', join(mount, 'a', 'up'));
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n]);
    assert.equal(cgroups.path(1n), null);
  });

  test('is a folder: a file with this number is not taken for it', () => {
    writeFileSync(join(mount, 'cgroup.procs'), '');
    const cgroups = new Cgroups(mount);
    cgroups.learn([idOf('/cgroup.procs')]);
    assert.equal(cgroups.path(idOf('/cgroup.procs')), null);
  });

  test('is named although another one is nested deeper than a path can be long', () => {
    execFileSync('sh', [
      '-c',
      'cd "$1" && name=$(printf "%0200d" 0) && for i in $(seq 30); do mkdir $name && cd -P $name || exit 1; done',
      'sh',
      mount,
    ]);
    const id = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n, id]);
    assert.equal(cgroups.path(id), '/a');
  });
});

suite('the walk of the hierarchy', () => {
  /** Calls `after` whenever a folder has been listed. */
  function onListing(context: TestContext, after: (path: string) => void): void {
    const list = fs.readdirSync;
    const mock = context.mock.method(fs, 'readdirSync', (...args: Parameters<typeof list>) => {
      const entries = list(...args);
      after(String(args[0]));
      return entries;
    });
    syncBuiltinESMExports();
    context.after(() => {
      mock.mock.restore();
      syncBuiltinESMExports();
    });
  }

  test('is one for all new cgroups', (context) => {
    const ids = ['/a', '/b', '/c/d'].map(createCgroup);
    const listed: string[] = [];
    onListing(context, (path) => listed.push(path));
    new Cgroups(mount).learn(ids);
    assert.equal(listed.filter((path) => path === `${mount}/`).length, 1);
  });

  test('is made once more for cgroups that were not found, and never for those that are decided', (context) => {
    const id = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n, id]);
    const listed: string[] = [];
    onListing(context, (path) => listed.push(path));
    assert.deepEqual([cgroups.knows(1n), cgroups.knows(id)], [false, true]);
    cgroups.learn([1n, id]);
    assert.deepEqual([cgroups.knows(1n), listed.length], [true, 1]);
    cgroups.learn([1n, id]);
    assert.equal(listed.length, 1);
  });

  test('passes no more cgroups at once than it may, and goes on where it was', () => {
    const ids = ['/a', '/b', '/c'].map(createCgroup);
    const cgroups = new Cgroups(mount);
    const named = (): number => ids.filter((id) => cgroups.knows(id)).length;
    // The root is the first.
    cgroups.learn(ids, 2);
    assert.equal(named(), 1);
    cgroups.learn(ids, 1);
    assert.equal(named(), 2);
    cgroups.learn(ids, 1);
    assert.equal(named(), 3);
  });

  test('names many cgroups in steps, between which others are named', () => {
    const ids = Array.from({ length: 40 }, (_, number) => createCgroup(`/many-${number}`));
    const cgroups = new Cgroups(mount);
    const other = createCgroup('/other');
    let steps = 0;
    for (const _ of cgroups.learning(ids, Number.POSITIVE_INFINITY)) {
      if (steps++ === 0) cgroups.learn([other]);
      assert.equal(cgroups.path(other), '/other');
    }
    assert.deepEqual([steps, ids.every((id) => cgroups.knows(id))], [2, true]);
  });

  test('begins anew for cgroups that are asked for when it has passed their place', () => {
    const first = createCgroup('/a');
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n, first], 2);
    const second = createCgroup('/b');
    cgroups.learn([second]);
    assert.equal(cgroups.path(second), '/b');
  });

  test('does not list a folder that has no folders', (context) => {
    const id = createCgroup('/a');
    const listed: string[] = [];
    onListing(context, (path) => listed.push(path));
    new Cgroups(mount).learn([1n, id]);
    assert.deepEqual(listed, [`${mount}/`]);
  });

  test('names them all', () => {
    const paths = ['/a', '/b', '/c/d'];
    const ids = paths.map(createCgroup);
    const cgroups = new Cgroups(mount);
    cgroups.learn(ids);
    assert.deepEqual(
      ids.map((id) => cgroups.path(id)),
      paths,
    );
  });

  test('survives a cgroup that is removed under its feet', (context) => {
    const id = createCgroup('/a/b');
    onListing(context, (path) => {
      if (path === join(mount, 'a')) rmdirSync(join(mount, 'a', 'b'));
    });
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    assert.equal(cgroups.path(id), null);
  });

  test('survives that the whole mount is gone', () => {
    const cgroups = new Cgroups(join(mount, 'unmounted'));
    cgroups.learn([1n]);
    assert.equal(cgroups.path(1n), null);
  });
});

suite('a removed cgroup', () => {
  function learned(path: string): { cgroups: Cgroups; id: bigint } {
    const id = createCgroup(path);
    const cgroups = new Cgroups(mount);
    cgroups.learn([id]);
    return { cgroups, id };
  }

  test('is not one that is still there', () => {
    const { cgroups, id } = learned('/a');
    assert.equal(cgroups.isGone(id), false);
  });

  test('is gone', () => {
    const { cgroups, id } = learned('/a');
    rmdirSync(join(mount, 'a'));
    assert.equal(cgroups.isGone(id), true);
  });

  test('is gone even when another one has its path', () => {
    const { cgroups, id } = learned('/a');
    createCgroup('/b');
    rmdirSync(join(mount, 'a'));
    renameSync(join(mount, 'b'), join(mount, 'a'));
    assert.equal(cgroups.isGone(id), true);
  });

  test('is gone from its path even when another path has its number', () => {
    const { cgroups, id } = learned('/a');
    renameSync(join(mount, 'a'), join(mount, 'b'));
    assert.equal(cgroups.isGone(id), true);
  });

  test('whose number another path has is known by that one once it was forgotten', () => {
    const { cgroups, id } = learned('/a');
    renameSync(join(mount, 'a'), join(mount, 'b'));
    cgroups.forget(id);
    cgroups.learn([id]);
    assert.equal(cgroups.path(id), '/b');
  });

  test('that could never be named counts as gone, but not before it was looked for twice', () => {
    const cgroups = new Cgroups(mount);
    cgroups.learn([1n]);
    assert.equal(cgroups.isGone(1n), false);
    cgroups.learn([1n]);
    assert.equal(cgroups.isGone(1n), true);
  });
});

suite('where no hierarchy is visible', () => {
  test('no cgroup has a name, and asking fails nowhere', () => {
    const cgroups = new Cgroups(null);
    cgroups.learn([1n, 2n]);
    assert.equal(cgroups.path(1n), null);
  });
});
