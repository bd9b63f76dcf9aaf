import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chooseHierarchy } from '../../src/containers/hierarchy.ts';

const MEMORY_V1 = '#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t4\t105\t1\n';
const MEMORY_V2 = '#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t105\t1\n';

const v2 = (root: string, path: string): string =>
  `29 22 0:26 ${root} ${path} rw,relatime shared:4 - cgroup2 cgroup2 rw`;
const v1 = (root: string, path: string): string => `35 23 0:31 ${root} ${path} rw,relatime - cgroup cgroup rw,memory`;

suite('of several mounts of one hierarchy', () => {
  const rows: [string, string, string[], string | null][] = [
    [
      'the one of its root is taken, although a part was mounted before it',
      MEMORY_V2,
      [v2('/docker/abc', '/sys/fs/cgroup'), v2('/', '/host/sys/fs/cgroup')],
      '/host/sys/fs/cgroup',
    ],
    [
      'the one of its root is taken, although a part was mounted after it',
      MEMORY_V2,
      [v2('/', '/sys/fs/cgroup'), v2('/docker/abc', '/mnt/part')],
      '/sys/fs/cgroup',
    ],
    ['the first of its root is taken', MEMORY_V2, [v2('/', '/sys/fs/cgroup'), v2('/', '/mnt')], '/sys/fs/cgroup'],
    ['a part is better than nothing', MEMORY_V2, [v2('/docker/abc', '/sys/fs/cgroup')], '/sys/fs/cgroup'],
    [
      'the first part is taken where there is no root',
      MEMORY_V2,
      [v2('/docker/abc', '/sys/fs/cgroup'), v2('/docker/def', '/mnt')],
      '/sys/fs/cgroup',
    ],
    [
      'the host’s is taken inside of a container, whose own cgroup is the root that it sees',
      MEMORY_V2,
      [v2('/', '/sys/fs/cgroup'), v2('/..', '/mnt/part'), v2('/../..', '/host/sys/fs/cgroup')],
      '/host/sys/fs/cgroup',
    ],
    [
      'a neighbour’s is a part like any other',
      MEMORY_V2,
      [v2('/../def', '/mnt/part'), v2('/', '/sys/fs/cgroup')],
      '/sys/fs/cgroup',
    ],
    [
      'the one of the root of v1 is taken',
      MEMORY_V1,
      [v1('/docker/abc', '/sys/fs/cgroup/memory'), v1('/', '/host/memory')],
      '/host/memory',
    ],
    [
      'the root of another hierarchy is not taken for a part of this one',
      MEMORY_V1,
      [v2('/', '/sys/fs/cgroup/unified'), v1('/docker/abc', '/sys/fs/cgroup/memory')],
      '/sys/fs/cgroup/memory',
    ],
    [
      'the root of another v1 controller is not taken either',
      MEMORY_V1,
      ['33 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu', v1('/docker/abc', '/sys/fs/cgroup/memory')],
      '/sys/fs/cgroup/memory',
    ],
    [
      'the root of the disk is none of them',
      MEMORY_V2,
      ['22 1 252:1 / / rw,relatime - ext4 /dev/vda1 rw', v2('/docker/abc', '/sys/fs/cgroup')],
      '/sys/fs/cgroup',
    ],
  ];
  for (const [name, controllers, mounts, expected] of rows) {
    test(name, () => assert.equal(chooseHierarchy(controllers, `${mounts.join('\n')}\n`).mount, expected));
  }
});
