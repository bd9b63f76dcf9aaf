/** Records of /dev/kmsg, of which programs and names of cgroups and processes can be a part. */
import assert from 'node:assert/strict';
import { KmsgKills } from '../../../src/receivers/oom/kmsg.ts';
import type { Target } from '../fuzzer.ts';

export const kmsg: Target = {
  words: [
    ...['\n', '6,1,1,-;', ',', ' invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n', '\\x5c'],
    ...[
      'Memory cgroup out of memory: Killed process ',
      ' (hog) total-vm:1kB, anon-rss:1kB, file-rss:1kB, shmem-rss:1kB,',
    ],
    ...[' UID:0 pgtables:1kB oom_score_adj:0', 'oom-kill:constraint=CONSTRAINT_MEMCG', 'task_memcg=/', 'oom_memcg=/'],
    ...['Memory cgroup stats for /:\n6,1,1,-;anon 1\n', 'Tasks state (memory values in pages):\n', '\\x0afile 2\\x0a'],
    '[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n6,1,1,-;[ 1] 0 1 2 3 4 5 -6 hog\n',
    ...['memory: usage 1kB, limit 1kB, failcnt 1\n', 'Tasks in / are going to be killed due to memory.oom.group set\n'],
  ],
  open: () => ({ check, async [Symbol.asyncDispose]() {} }),
};

function check(input: Buffer): void {
  const kills = new KmsgKills();
  for (const record of input.toString('latin1').split('\n')) {
    const kill = kills.take(record);
    if (kill === null) continue;
    assert.match(record, /^[0-7],/);
    assert.ok(Number.isInteger(kill.pid) && kill.pid >= 0);
    for (const bytes of Object.values(kill.memory ?? {})) assert.ok(bytes >= 0 && !Number.isNaN(bytes));
    const { kinds, holders = [] } = kill.report?.memory ?? {};
    for (const bytes of Object.values(kinds ?? {})) assert.ok(bytes >= 0 && !Number.isNaN(bytes));
    assert.ok(holders.length <= 10);
    for (const path of [kill.report?.victimCgroup, kill.report?.limitCgroup]) {
      assert.ok(path === undefined || path.startsWith('/'), path);
    }
  }
}
