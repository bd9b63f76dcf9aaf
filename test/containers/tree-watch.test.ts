import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { TreeWatch } from '../../src/containers/tree-watch.ts';
import { placeAt, rawPath } from '../../src/kernel/raw-path.ts';

let mount: string;

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'floatie-watch-'));
  for (const path of ['a', 'a/inside', 'b']) mkdirSync(join(mount, path));
});

afterEach(() => rmSync(mount, { recursive: true }));

/** Whether the watch of these folders sees a change when `happens` happens. */
function sees(folders: readonly string[], happens: () => void, max?: number): boolean {
  using watch = new TreeWatch(mount, max);
  for (const folder of folders) watch.watch(placeAt(folder));
  happens();
  return watch.hasChanged();
}

suite('a watched tree', () => {
  const rows: [string, boolean, readonly string[], () => void][] = [
    ['nothing happens', false, ['/', '/a', '/b'], () => undefined],
    ['a folder is made', true, ['/', '/a'], () => mkdirSync(join(mount, 'a/new'))],
    ['a folder is removed', true, ['/'], () => rmdirSync(join(mount, 'b'))],
    ['a folder is renamed', true, ['/'], () => renameSync(join(mount, 'b'), join(mount, 'c'))],
    ['a folder comes from elsewhere', true, ['/', '/b'], () => renameSync(join(mount, 'a/inside'), join(mount, 'b/x'))],
    ['something happens in a folder that is not watched', false, ['/'], () => mkdirSync(join(mount, 'a/new'))],
    ['a folder was gone before it was watched', false, ['/', '/gone'], () => undefined],
    ['a path is too long to be walked', false, ['/', '/long'.repeat(1000)], () => undefined],
  ];
  for (const [what, expected, folders, happens] of rows) {
    test(`${expected ? 'has changed' : 'has not changed'} when ${what}`, () =>
      assert.equal(sees(folders, happens), expected));
  }

  test('may have changed when its root cannot be watched', () => {
    using watch = new TreeWatch(join(mount, 'missing'));
    watch.watch(placeAt('/'));
    assert.equal(watch.hasChanged(), true);
  });

  test('has not changed when a file is written', () => {
    writeFileSync(join(mount, 'b', 'cgroup.procs'), '');
    assert.equal(
      sees(['/', '/b'], () => writeFileSync(join(mount, 'b', 'cgroup.procs'), '0\n')),
      false,
    );
  });

  test('goes on to have changed', () => {
    using watch = new TreeWatch(mount);
    watch.watch(placeAt('/'));
    mkdirSync(join(mount, 'new'));
    assert.deepEqual([watch.hasChanged(), watch.hasChanged()], [true, true]);
  });

  test('can have names that are no UTF-8', () => {
    const name = Buffer.from('61ff', 'hex');
    mkdirSync(Buffer.concat([Buffer.from(`${mount}/`), name]));
    const inside = Buffer.concat([Buffer.from(`${mount}/`), name, Buffer.from('/new')]);
    using watch = new TreeWatch(mount);
    watch.watch(placeAt(rawPath('/a\xff')));
    assert.equal(watch.hasChanged(), false);
    mkdirSync(inside);
    assert.equal(watch.hasChanged(), true);
  });

  test('may have changed when it has more folders than may be watched', () => {
    assert.equal(
      sees(['/', '/a'], () => undefined, 2),
      false,
    );
    assert.equal(
      sees(['/', '/a', '/b'], () => undefined, 2),
      true,
    );
  });

  test('may have changed when nobody watches any more', () => {
    const watch = new TreeWatch(mount);
    watch.watch(placeAt('/'));
    watch[Symbol.dispose]();
    assert.equal(watch.hasChanged(), true);
  });
});
