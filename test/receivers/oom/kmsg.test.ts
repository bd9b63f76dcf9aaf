import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { Kmsg, readPastKills } from '../../../src/receivers/oom/kernel-log.ts';
import { type KmsgKill, KmsgKills, type ReportedKill } from '../../../src/receivers/oom/kmsg.ts';

const MEMCG =
  '3,1523,4661620610,-;Memory cgroup out of memory: Killed process 20932 (hog) total-vm:35112kB, anon-rss:32512kB, file-rss:1196kB, shmem-rss:0kB, UID:0 pgtables:104kB oom_score_adj:0\n';
const GLOBAL =
  '3,4711,88112233,-;Out of memory: Killed process 812 (java) total-vm:9112344kB, anon-rss:7812000kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:15800kB oom_score_adj:200\n';
const ALLOCATING =
  '3,4712,88112299,-;Out of memory (oom_kill_allocating_task): Killed process 813 (make) total-vm:1024kB, anon-rss:512kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:40kB oom_score_adj:0\n';

function memory(totalVm: number, anon: number, file: number, pageTables: number) {
  return {
    totalVmBytes: totalVm * 1024,
    anonBytes: anon * 1024,
    fileBytes: file * 1024,
    shmemBytes: 0,
    pageTableBytes: pageTables * 1024,
  };
}

/** What others than the receiver need of a kill is tried on its own. */
function withoutAbout({ about, ...kill }: ReportedKill): KmsgKill {
  return kill;
}

const HOG = memory(35112, 32512, 1196, 104);
const JAVA = memory(9112344, 7812000, 0, 15800);

suite('a record of the kernel’s log that reports a kill', () => {
  const rows: [string, string, KmsgKill][] = [
    ['because of a cgroup’s limit', MEMCG, { pid: 20932, memcg: true, memory: HOG }],
    ['because the machine has no memory left', GLOBAL, { pid: 812, memcg: false, memory: JAVA }],
    ['of the task that asked for memory', ALLOCATING, { pid: 813, memcg: false, memory: memory(1024, 512, 0, 40) }],
    ['with flags of a continued line', MEMCG.replace(',-;', ',c;'), { pid: 20932, memcg: true, memory: HOG }],
    [
      'with the thread that wrote it (CONFIG_PRINTK_CALLER)',
      MEMCG.replace(',-;', ',-,caller=T20932;'),
      { pid: 20932, memcg: true, memory: HOG },
    ],
    [
      'with continuation lines',
      `${MEMCG} SUBSYSTEM=memory\n DEVICE=+memory:0\n`,
      { pid: 20932, memcg: true, memory: HOG },
    ],
    ['of a task whose name has a semicolon', MEMCG.replace('(hog)', '(a;b)'), { pid: 20932, memcg: true, memory: HOG }],
    [
      'of a task that is called like a report',
      MEMCG.replace('(hog)', '(Killed process)'),
      { pid: 20932, memcg: true, memory: HOG },
    ],
    [
      'of a task whose name is no text, as the kernel escapes it',
      MEMCG.replace('(hog)', '(\\xff\\x0a)'),
      { pid: 20932, memcg: true, memory: HOG },
    ],
    [
      'of the largest number a process can have',
      MEMCG.replace('20932', '4194304'),
      { pid: 4194304, memcg: true, memory: HOG },
    ],
  ];
  for (const [name, record, expected] of rows)
    test(name, () => assert.deepEqual(withoutAbout(new KmsgKills().take(record) as ReportedKill), expected));
});

suite('a record that reports no kill', () => {
  const rows: [string, string][] = [
    ['is empty', ''],
    ['has no message', '6,1,2,-;\n'],
    ['tells of something else', '6,339,5140900,-;NET: Registered PF_NETLINK/PF_ROUTE protocol family\n'],
    [
      'is the beginning of the longer report',
      '4,1500,4661620000,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n',
    ],
    [
      'is the summary of the longer report',
      '6,1522,4661620601,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=hog,pid=20932,uid=0\n',
    ],
    [
      'is the reaper’s',
      '6,1524,4661621000,-;oom_reaper: reaped process 20932 (hog), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB\n',
    ],
    [
      'announces the kill of a whole cgroup',
      '3,1521,4661620600,-;Tasks in /a are going to be killed due to memory.oom.group set\n',
    ],
    ['says that there is nobody to kill', '4,1500,4661620000,-;Out of memory and no killable processes...\n'],
    ['quotes a report', '6,1,2,-;hog: Out of memory: Killed process 1 (init)\n'],
    [
      'has a report in its continuation lines',
      '6,1,2,-;usb 1-1: new device\n Out of memory: Killed process 1 (init) total-vm:0kB\n',
    ],
    ['has no number', '3,1,2,-;Out of memory: Killed process (init) total-vm:0kB\n'],
  ];
  for (const [name, record] of rows) test(name, () => assert.equal(new KmsgKills().take(record), null));
});

function killsOf(text: string): KmsgKill[] {
  return reportsIn(text).map(withoutAbout);
}

/** What the records of a kernel's log report, of which each line here is one. */
function reportsIn(text: string): ReportedKill[] {
  const kills = new KmsgKills();
  const lines = text.trim().split('\n');
  return lines
    .map((line, index) => kills.take(`6,${index},${index},-;${line.trim()}\n`))
    .filter((kill) => kill !== null);
}

function killed(pid: number, memcg = true): string {
  return `${memcg ? 'Memory cgroup out of memory' : 'Out of memory'}: Killed process ${pid} (hog) total-vm:35112kB`;
}

const INVOKED = 'hog invoked oom-killer: gfp_mask=0x500cc2(GFP_HIGHUSER|__GFP_ACCOUNT), order=3, oom_score_adj=0';
const ASKED = { gfpMask: 0x500cc2, order: 3 };

function summary(of: string): string {
  return `oom-kill:constraint=CONSTRAINT_${of}`;
}

suite('the longer report of a kill', () => {
  test('says whose limit was hit, how large it was and what was asked for', () => {
    const text = `
      ${INVOKED}
      memory: usage 32768kB, limit 32768kB, failcnt 30
      swap: usage 0kB, limit 9007199254740988kB, failcnt 0
      Tasks state (memory values in pages):
      ${summary('MEMCG')},nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/pod,task_memcg=/pod/app,task=hog,pid=7,uid=0
      ${killed(7)}`;
    const limit = { limitBytes: 32 << 20, usageBytes: 32 << 20, includesSwap: false };
    const report = { constraint: 'memcg', victimCgroup: '/pod/app', limitCgroup: '/pod', limit, ...ASKED };
    assert.deepEqual(killsOf(text), [{ pid: 7, memcg: true, report }]);
  });

  for (const [memory, both, includesSwap] of [
    [32, 32, true],
    [32, 40, false],
    [40, 32, true],
  ] as const) {
    test(`names the limit of ${includesSwap ? 'memory and swap' : 'memory'} where ${memory} and ${both} are left`, () => {
      const text = `
        ${INVOKED}
        memory: usage 10kB, limit ${10 + memory}kB, failcnt 30
        memory+swap: usage 10kB, limit ${10 + both}kB, failcnt 0
        ${summary('MEMCG')},nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=hog,pid=7,uid=0
        ${killed(7)}`;
      assert.equal(killsOf(text)[0]?.report?.limit?.includesSwap, includesSwap);
    });
  }

  for (const constraint of ['NONE', 'CPUSET', 'MEMORY_POLICY']) {
    test(`with the constraint ${constraint} names no cgroup’s limit`, () => {
      const text = `
        ${INVOKED}
        ${summary(constraint)},nodemask=(null),cpuset=/x,mems_allowed=0,global_oom,task_memcg=/app,task=hog,pid=7,uid=0
        ${killed(7, false)}`;
      const report = { constraint: constraint.toLowerCase(), victimCgroup: '/app', ...ASKED };
      assert.deepEqual(killsOf(text), [{ pid: 7, memcg: false, report }]);
    });
  }

  test('has the order -1 when sysrq asked for the kill', () => {
    const text = `
      ${INVOKED.replace('order=3', 'order=-1')}
      ${summary('NONE')},nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=hog,pid=7,uid=0
      ${killed(7, false)}`;
    assert.equal(killsOf(text)[0]?.report?.order, -1);
  });

  test('has names of cgroups as they are, however the log escapes them', () => {
    const text = `
      ${INVOKED}
      ${summary('MEMCG')},nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/\\xc3\\xa9,task_memcg=/\\xc3\\xa9/a,b\\x5c,task=a,pid=1,pid=7,uid=0
      ${killed(7)}`;
    const { limitCgroup, victimCgroup } = killsOf(text)[0]?.report ?? {};
    assert.deepEqual([limitCgroup, victimCgroup], ['/é', '/é/a,b\\']);
  });

  test('says who was killed, when, and who asked for memory', () => {
    const [kill] = reportsIn(`
      a\\x0ab invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
      CPU: 1 UID: 0 PID: 16740 Comm: a\\x0ab Not tainted 6.18.44 #1 PREEMPT(none)
      Memory cgroup out of memory: Killed process 7 (x) total-vm:) total-vm:1kB, anon-rss:1kB, file-rss:1kB, shmem-rss:0kB, UID:1000 pgtables:4kB oom_score_adj:-998`);
    assert.deepEqual(kill?.about, {
      timeNs: 2000,
      comm: 'x) total-vm:',
      uid: 1000,
      oomScoreAdj: -998,
      trigger: { comm: 'a\uFFFDb', pid: 16740 },
    });
  });

  test('has the one who asked for memory of that kill only', () => {
    const kills = reportsIn(`
      ${INVOKED}
      ${killed(7)}
      ${killed(8)}`);
    assert.deepEqual(
      kills.map(({ about }) => about?.trigger?.comm),
      ['hog', undefined],
    );
  });

  test('is of one kill, not of the next, which has none', () => {
    const text = `
      ${INVOKED}
      ${summary('MEMCG')},nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=hog,pid=7,uid=0
      ${killed(7)}
      ${killed(8)}`;
    assert.deepEqual(killsOf(text)[1], { pid: 8, memcg: true });
  });

  test('without its beginning does not have that of the kill before', () => {
    const text = `
      ${INVOKED}
      memory: usage 1kB, limit 2kB, failcnt 3
      ${INVOKED.replace('0x500cc2', '0xcc0')}
      ${summary('MEMCG')},nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=hog,pid=7,uid=0
      ${killed(7)}`;
    const [kill] = killsOf(text);
    assert.deepEqual([kill?.report?.gfpMask, kill?.report?.limit], [0xcc0, undefined]);
  });
});

suite('the kill of a whole cgroup', () => {
  test('has a process that was chosen, though it is killed twice, and others that belong to it', () => {
    const text = `
      ${killed(7)}
      Tasks in /a are going to be killed due to memory.oom.group set
      ${killed(8)}
      ${killed(7)}
      ${killed(9)}`;
    assert.deepEqual(
      killsOf(text).map(({ pid, chosenPid }) => [pid, chosenPid]),
      [
        [7, 7],
        [8, 7],
        [9, 7],
      ],
    );
  });

  test('ends where the next report begins', () => {
    const text = `
      ${killed(7)}
      Tasks in /a are going to be killed due to memory.oom.group set
      ${INVOKED}
      ${killed(8)}`;
    assert.equal(killsOf(text)[1]?.chosenPid, undefined);
  });
});

suite('the kernel’s log', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'floatie-kmsg-'));
    path = join(folder, 'kmsg');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function withLog(work: (kmsg: Kmsg) => void): void {
    const kmsg = new Kmsg(path);
    try {
      work(kmsg);
    } finally {
      kmsg.close();
    }
  }

  test('that is not there cannot be opened', () => {
    assert.throws(() => new Kmsg(path), { code: 'ENOENT', message: new RegExp(path) });
  });

  test('that has no end to go to cannot be used', () => {
    execFileSync('mkfifo', [path]);
    assert.throws(() => new Kmsg(path), { code: 'ESPIPE' });
  });

  test('is read from its end on: old kills are none of ours', () => {
    writeFileSync(path, MEMCG);
    withLog((kmsg) => assert.deepEqual(kmsg.read(), []));
  });

  test('gives the kills reported since it was opened, each once', () => {
    writeFileSync(path, MEMCG);
    withLog((kmsg) => {
      appendFileSync(path, GLOBAL);
      assert.deepEqual([kmsg.read().map(withoutAbout), kmsg.read()], [[{ pid: 812, memcg: false, memory: JAVA }], []]);
    });
  });

  test('has kills of before, oldest first, and no more than are wanted', () => {
    writeFileSync(path, '');
    assert.deepEqual(readPastKills(10, path), []);
    writeFileSync(path, MEMCG); // a file is read at once
    assert.deepEqual(
      readPastKills(10, path).map(({ pid, about }) => [pid, about?.timeNs]),
      [[20932, 4_661_620_610_000]],
    );
    assert.deepEqual(readPastKills(0, path), []);
  });

  test('gives nothing for other records', () => {
    writeFileSync(path, '');
    withLog((kmsg) => {
      appendFileSync(path, '6,339,5140900,-;NET: Registered PF_NETLINK/PF_ROUTE protocol family\n');
      assert.deepEqual(kmsg.read(), []);
    });
  });
});
