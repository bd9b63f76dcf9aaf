import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chooseHierarchy, findHierarchy, type Hierarchy } from '../../src/containers/hierarchy.ts';

const HEADER = '#subsys_name\thierarchy\tnum_cgroups\tenabled\n';
const MEMORY_V1 = `${HEADER}cpu\t2\t10\t1\nmemory\t4\t105\t1\npids\t7\t80\t1\n`;
const MEMORY_V2 = `${HEADER}cpu\t0\t10\t1\nmemory\t0\t105\t1\npids\t0\t80\t1\n`;
const MEMORY_OFF = `${HEADER}cpu\t2\t10\t1\nmemory\t0\t1\t0\n`;

const ROOT = '22 1 252:1 / / rw,relatime - ext4 /dev/vda1 rw';
const UNIFIED = '29 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const UNIFIED_BESIDE =
  '30 23 0:27 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:5 - cgroup2 cgroup2 rw,nsdelegate';
const MEMORY = '35 23 0:31 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:9 - cgroup cgroup rw,memory';
const CPU = '33 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup rw,cpu,cpuacct';
const SYSTEMD = '31 23 0:28 / /sys/fs/cgroup/systemd rw,relatime shared:6 - cgroup cgroup rw,xattr,name=systemd';
const SPACE = String.raw`35 23 0:31 / /mnt/my\040cgroups\134memory rw - cgroup cgroup rw,memory`;
const SHARED_WITH_CPU = '35 23 0:31 / /cgroups rw,relatime - cgroup cgroup rw,cpu,memory';
const NO_OPTIONAL_FIELDS = '29 22 0:26 / /cgroup rw - cgroup2 none rw';

suite('the cgroup hierarchy', () => {
  const rows: [string, string, string[], Hierarchy][] = [
    ['is v2 where memory is a v2 controller', MEMORY_V2, [ROOT, UNIFIED], { version: 2, mount: '/sys/fs/cgroup' }],
    ['is v1 where memory is a v1 controller', MEMORY_V1, [CPU, MEMORY], { version: 1, mount: '/sys/fs/cgroup/memory' }],
    [
      'is v1 memory on a hybrid host, although v2 is mounted as well',
      MEMORY_V1,
      [UNIFIED_BESIDE, SYSTEMD, CPU, MEMORY],
      { version: 1, mount: '/sys/fs/cgroup/memory' },
    ],
    [
      'is v2 on a hybrid host whose memory is in v2',
      MEMORY_V2,
      [SYSTEMD, CPU, UNIFIED_BESIDE],
      { version: 2, mount: '/sys/fs/cgroup/unified' },
    ],
    ['is v2 where memory is switched off', MEMORY_OFF, [UNIFIED], { version: 2, mount: '/sys/fs/cgroup' }],
    ['is v2 where /proc/cgroups cannot be read', '', [UNIFIED], { version: 2, mount: '/sys/fs/cgroup' }],
    ['is found where v1 controllers share a mount', MEMORY_V1, [SHARED_WITH_CPU], { version: 1, mount: '/cgroups' }],
    ['is found without optional fields', MEMORY_V2, [NO_OPTIONAL_FIELDS], { version: 2, mount: '/cgroup' }],
    ['is found below a path with a space', MEMORY_V1, [SPACE], { version: 1, mount: '/mnt/my cgroups\\memory' }],
    ['is not visible where v2 is not mounted', MEMORY_V2, [ROOT], { version: 2, mount: null }],
    ['is not v2 where memory is v1 and its mount is hidden', MEMORY_V1, [UNIFIED], { version: 1, mount: null }],
    ['is not the mount of another v1 controller', MEMORY_V1, [CPU, SYSTEMD], { version: 1, mount: null }],
    ['is not visible without any mount', MEMORY_V2, [], { version: 2, mount: null }],
  ];
  for (const [name, controllers, mounts, expected] of rows) {
    test(name, () => assert.deepEqual(chooseHierarchy(controllers, `${mounts.join('\n')}\n`), expected));
  }

  test('of this machine is one of the two', () => assert.ok([1, 2].includes(findHierarchy().version)));
});
