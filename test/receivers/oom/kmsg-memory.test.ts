import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { KmsgKills } from '../../../src/receivers/oom/kmsg.ts';
import type { MemoryReport } from '../../../src/receivers/oom/kmsg-memory.ts';

const KB = 1024;
const PAGE = 4096;

const INVOKED = 'big invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0';
const OLD_TABLE = `Tasks state (memory values in pages):
[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name`;
const TABLE = `Tasks state (memory values in pages):
[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name`;
const KILLED = `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/pod,task_memcg=/pod/kid,task=big,pid=113,uid=0
Memory cgroup out of memory: Killed process 113 (big) total-vm:41248kB, anon-rss:38340kB, file-rss:1132kB, shmem-rss:0kB, UID:0 pgtables:116kB oom_score_adj:0`;

/** What Linux 5.10 reports: one record has all statistics, and two tasks are there. */
const V2_OLD = `${INVOKED}
memory: usage 49152kB, limit 49152kB, failcnt 55
swap: usage 12kB, limit 9007199254740988kB, failcnt 0
Memory cgroup stats for /pod:
anon 40012160\\x0afile 8192000\\x0akernel_stack 0\\x0apercpu 0\\x0asock 0\\x0ashmem 4096000\\x0afile_mapped 0\\x0afile_dirty 40960\\x0afile_writeback 4096\\x0aanon_thp 0\\x0aunevictable 8192\\x0aslab_recl
${OLD_TABLE}
[    112]  1000   112     3177     2823    61440        3          -998 small\\x0a x]
[    113]     0   113    10312     9868   118784        0             0 big
${KILLED}`;

/** What Linux 6.12 reports: each statistic is a record, and the table has memory by kind. */
const V2 = `${INVOKED}
memory: usage 49152kB, limit 49152kB, failcnt 90
swap: usage 0kB, limit 9007199254740988kB, failcnt 0
Memory cgroup stats for /pod:
anon 50089984
file 0
kernel 241664
kernel_stack 0
sock 4096
shmem 0
file_dirty 0
file_writeback 0
swapcached 0
unevictable 0
slab 20736
Memory cgroup min protection 0kB -- low protection 0kB
${TABLE}
[    177]     0   177     3177     2862     2560      302         0    69632        0             0 small
[    178]     0   178    10312     9924     9632      290         2   114688        0             0 big
${KILLED}`;

/** What cgroup v1 of Linux 6.18 reports. */
const V1 = `${INVOKED}
memory: usage 49152kB, limit 49152kB, failcnt 81
memory+swap: usage 49200kB, limit 9007199254740988kB, failcnt 0
kmem: usage 224kB, limit 9007199254740988kB, failcnt 0
Memory cgroup stats for /pod:
cache 1
rss 2
swap 3
unevictable 9
total_cache 8192
total_rss 50102272
total_shmem 4096
total_dirty 1024
total_writeback 1024
total_swap 49152
total_unevictable 100
${TABLE}
[  15825]     0 15825    10314     9931     9632      299         0   118784        0             0 big
${KILLED}`;

const MACHINE = `${INVOKED}
Mem-Info:
active_anon:10 inactive_anon:1000 isolated_anon:1\\x0a active_file:20 inactive_file:30 isolated_file:0\\x0a unevictable:5 dirty:2 writeback:1\\x0a slab_reclaimable:40 slab_unreclaimable:50\\x0a mapped:6 shmem:11 pagetables:60\\x0a sec_pagetables:1 bounce:0
Free swap  = 4kB
Total swap = 12kB
${OLD_TABLE}
[    112]     0   112     3177     2823    61440        0             0 small
oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/kid,task=big,pid=113,uid=0
Out of memory: Killed process 113 (big) total-vm:41248kB`;

/** @param skips the lines that the log has lost */
function memoryOf(text: string, skips = ''): MemoryReport | undefined {
  const kills = new KmsgKills(PAGE);
  const lines = text.split('\n').map((line, index) => [line, `6,${index},${index},-;${line}\n`] as const);
  const found = lines.map(([line, record]) => (skips !== '' && line.startsWith(skips) ? null : kills.take(record)));
  return found.at(-1)?.report?.memory;
}

suite('the kernel’s report says what filled the memory', () => {
  const rows: [string, string, MemoryReport['kinds']][] = [
    [
      'of a cgroup of v2, where the kernel’s own memory is what is left before Linux 5.18',
      V2_OLD,
      {
        ...{ anonBytes: 40012160, fileBytes: 4096000, shmemBytes: 4096000 },
        kernelBytes: 49152 * KB - 40012160 - 8192000,
        ...{ swapBytes: 12 * KB, dirtyBytes: 45056, unevictableBytes: 8192 },
      },
    ],
    [
      'of a cgroup of v2, and the sum is what was used',
      V2,
      {
        ...{ anonBytes: 50089984, fileBytes: 0, shmemBytes: 0, kernelBytes: 241664 + 4096 },
        ...{ swapBytes: 0, dirtyBytes: 0, unevictableBytes: 0 },
      },
    ],
    [
      'of a cgroup of v1 with those below it',
      V1,
      {
        ...{ anonBytes: 50102272, fileBytes: 4096, shmemBytes: 4096, kernelBytes: 224 * KB },
        ...{ swapBytes: 49152, dirtyBytes: 2048, unevictableBytes: 100 },
      },
    ],
    [
      'of the machine',
      MACHINE,
      {
        ...{ anonBytes: 1000 * PAGE, fileBytes: 50 * PAGE, shmemBytes: 11 * PAGE, kernelBytes: 151 * PAGE },
        ...{ swapBytes: 8 * KB, dirtyBytes: 3 * PAGE, unevictableBytes: 5 * PAGE },
      },
    ],
  ];
  for (const [title, text, kinds] of rows) test(title, () => assert.deepEqual(memoryOf(text)?.kinds, kinds));

  test('and counts pages of the swap cache once', () => {
    const text = V2.replace('file 0', 'file 9000').replace('swapcached 0', 'swapcached 8000');
    assert.equal(memoryOf(text)?.kinds?.fileBytes, 1000);
  });

  test('and nothing where it has no statistics', () => {
    assert.equal(memoryOf(`${INVOKED}\n${TABLE}\n${KILLED}`)?.kinds, undefined);
  });
});

suite('the kernel’s report says who held the memory', () => {
  test('by kind of memory where the kernel has that, the largest first', () => {
    const { holders, processes, rssBytes } = memoryOf(V2) ?? {};
    assert.deepEqual([processes, rssBytes], [2, (2862 + 9924) * PAGE]);
    assert.deepEqual(holders?.[0], {
      ...{ tgid: 178, uid: 0, comm: 'big', rssBytes: 9924 * PAGE },
      ...{ anonBytes: 9632 * PAGE, fileBytes: 290 * PAGE, shmemBytes: 2 * PAGE },
      ...{ pageTableBytes: 114688, swapBytes: 0, oomScoreAdj: 0 },
    });
  });

  test('as one number before, and names are text whatever they hold', () => {
    assert.deepEqual(memoryOf(V2_OLD)?.holders[1], {
      ...{ tgid: 112, uid: 1000, comm: 'small\uFFFD x]', rssBytes: 2823 * PAGE },
      ...{ pageTableBytes: 61440, swapBytes: 3 * PAGE, oomScoreAdj: -998 },
    });
  });

  for (const name of ['5 6', ' 7', 'a 1 2', '', 'oom-kill:', '[  pid  ]']) {
    test(`also of a process called ${JSON.stringify(name)}`, () => {
      const { holders = [], processes } = memoryOf(V2.replace(' 0 big', ` 0 ${name}`)) ?? {};
      assert.deepEqual([holders[0]?.comm, holders[0]?.oomScoreAdj, processes], [name, 0, 2]);
    });
  }

  test('has the ten largest of any number, with what is swapped out', () => {
    const rows = Array.from({ length: 5000 }, (_, index) => {
      const [rss, swap] = index % 2 === 0 ? [index, 0] : [0, index];
      return `[ ${1000 + index}]     0  ${1000 + index}     3177     ${rss}    61440        ${swap}             0 worker`;
    });
    const { holders = [], processes } = memoryOf(V2_OLD.replace(KILLED, `${rows.join('\n')}\n${KILLED}`)) ?? {};
    assert.deepEqual([holders.length, processes], [10, 5002]);
    assert.deepEqual(
      holders.map(({ tgid }) => tgid),
      [113, ...Array.from({ length: 9 }, (_, index) => 5999 - index)],
    );
  });

  test('has none where `vm.oom_dump_tasks` is 0', () => {
    const text = V2.slice(0, V2.indexOf('Tasks state'));
    const { holders, processes, kinds } = memoryOf(text + KILLED) ?? {};
    assert.deepEqual([holders, processes, kinds?.anonBytes], [[], 0, 50089984]);
  });
});

suite('the kernel’s report is called truncated', () => {
  test('where the log lost some of it before it was read', () => {
    const { isTruncated, processes } = memoryOf(V2, '[    177]') ?? {};
    assert.deepEqual([isTruncated, processes], [true, 1]);
    assert.equal(memoryOf(V2)?.isTruncated, false);
  });

  test('and the next kill is not', () => {
    const kills = new KmsgKills(PAGE);
    const records = [...V2.split('\n').filter((line) => !line.startsWith('kernel ')), ...V2.split('\n')];
    const lost = V2.split('\n').findIndex((line) => line.startsWith('kernel '));
    const found = records
      .map((line, index) => kills.take(`6,${index < lost ? index : index + 1},1,-;${line}\n`))
      .filter((kill) => kill !== null);
    assert.deepEqual(
      found.map(({ report }) => report?.memory?.isTruncated),
      [true, false],
    );
  });

  test('and a kill without a report has nothing of the one before', () => {
    const kills = new KmsgKills(PAGE);
    const again = `${V2}\n${KILLED.split('\n')[1]}`;
    const found = again.split('\n').map((line, index) => kills.take(`6,${index},1,-;${line}\n`));
    assert.deepEqual(
      found.filter((kill) => kill !== null).map(({ report }) => report?.memory?.processes),
      [2, undefined],
    );
  });
});
