/** Cgroups of the kernel that is running, found by their ids. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { findHierarchy, findV2Mount } from '../../src/containers/hierarchy.ts';
import { missing } from '../support/requirements.ts';

const mounts = [...new Set([findHierarchy().mount, findV2Mount()])].filter((mount) => mount !== null);

suite('a cgroup is found by its id', { skip: missing('root') }, () => {
  for (const mount of mounts) {
    test(`without a walk, in ${mount}`, (context) => {
      using cgroup = createCgroup(mount);
      const list = context.mock.method(fs, 'readdirSync');
      syncBuiltinESMExports();
      context.after(syncBuiltinESMExports);
      const cgroups = new Cgroups(mount);
      cgroups.learn([cgroup.id]);
      list.mock.restore();
      assert.equal(cgroups.path(cgroup.id), cgroup.path);
      assert.equal(list.mock.callCount(), 0);
    });

    test(`and known to be gone, in ${mount}`, () => {
      const cgroup = createCgroup(mount);
      const cgroups = new Cgroups(mount);
      cgroups.learn([cgroup.id]);
      assert.equal(cgroups.isGone(cgroup.id), false);
      cgroup[Symbol.dispose]();
      assert.deepEqual([cgroups.isGone(cgroup.id), cgroups.path(cgroup.id)], [true, cgroup.path]);
    });

    test(`or at once known to be gone before it could be named, in ${mount}`, () => {
      const cgroup = createCgroup(mount);
      cgroup[Symbol.dispose]();
      const cgroups = new Cgroups(mount);
      cgroups.learn([cgroup.id]);
      assert.deepEqual([cgroups.knows(cgroup.id), cgroups.path(cgroup.id)], [true, null]);
    });
  }

  test('by a walk without CAP_DAC_READ_SEARCH', () => {
    const [mount = ''] = mounts;
    using cgroup = createCgroup(mount);
    const script = `
      import { Cgroups } from ${JSON.stringify(new URL('../../src/containers/cgroups.ts', import.meta.url).href)};
      const cgroups = new Cgroups(${JSON.stringify(mount)});
      cgroups.learn([${cgroup.id}n], 1);
      process.stdout.write(String(cgroups.knows(${cgroup.id}n)));
      cgroups.learn([${cgroup.id}n]);
      process.stdout.write(cgroups.path(${cgroup.id}n));`;
    const node = [process.execPath, '--input-type=module', '--eval', script];
    const without = ['--bounding-set', '-dac_read_search', '--inh-caps', '-dac_read_search'];
    assert.equal(execFileSync('setpriv', [...without, ...node], { encoding: 'utf8' }), `false${cgroup.path}`);
  });
});

test('the kernel gives no id twice', { skip: missing('root') }, () => {
  const [mount = ''] = mounts;
  const ids = new Set<bigint>();
  for (let index = 0; index < 1000; index++) {
    using cgroup = createCgroup(mount, '/floatie-same-name');
    ids.add(cgroup.id);
  }
  assert.equal(ids.size, 1000);
});

function createCgroup(
  mount: string,
  path = `/floatie-by-id-${process.pid}`,
): Disposable & { readonly id: bigint; readonly path: string } {
  mkdirSync(join(mount, path));
  const id = statSync(join(mount, path), { bigint: true }).ino;
  return { id, path, [Symbol.dispose]: () => rmdirSync(join(mount, path)) };
}
