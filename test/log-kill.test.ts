import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createLogger } from '../src/log.ts';
import { logKill } from '../src/log-kill.ts';
import type { OomKill } from '../src/receivers/oom.ts';

const ID = 'c'.repeat(64);

const KILL: OomKill = {
  timeNs: 1,
  victim: { pid: 11, tgid: 10, uid: 1000, comm: 'java' },
  trigger: { pid: 21, tgid: 20, uid: 2000, comm: 'kworker/0:1' },
  memoryCgroupId: 71n,
  defaultCgroupId: 72n,
  anonBytes: 4096,
  fileBytes: 8192,
  shmemBytes: 12_288,
  totalVmBytes: 2 ** 45,
  oomScoreAdj: -500,
  scope: 'memcg',
};

function lineOf(format: 'text' | 'json', changes: Partial<OomKill> = {}, containerId?: string): string {
  const lines: string[] = [];
  const log = createLogger('warn', format, (line) => lines.push(line));
  logKill(log, { ...KILL, ...changes }, { cgroup: '/app', ...(containerId === undefined ? {} : { containerId }) });
  assert.equal(lines.length, 1);
  return lines[0] ?? '';
}

suite('an OOM kill in the log', () => {
  test('says who was killed, by whom, why and how large it was', () => {
    const { time, ...fields } = JSON.parse(lineOf('json', {}, ID));
    assert.deepEqual(fields, {
      level: 'warn',
      message: 'OOM kill',
      victim_comm: 'java',
      victim_pid: 10,
      victim_uid: 1000,
      trigger_comm: 'kworker/0:1',
      trigger_pid: 20,
      trigger_uid: 2000,
      scope: 'memcg',
      cgroup: '/app',
      container_id: ID,
      anon_rss_bytes: 4096,
      file_rss_bytes: 8192,
      shmem_rss_bytes: 12_288,
      total_vm_bytes: 2 ** 45,
      oom_score_adj: -500,
    });
    assert.ok(!Number.isNaN(Date.parse(time)));
  });

  for (const format of ['text', 'json'] as const) {
    test(`as ${format} does not speak of a container where there is none`, () => {
      assert.doesNotMatch(lineOf(format), /container_id/);
    });

    test(`as ${format} stays one line, whatever the tasks are called`, () => {
      const victim = { ...KILL.victim, comm: 'a"b\\c d=1\uFFFD' };
      const line = lineOf(format, { victim });
      assert.deepEqual([line.split('\n').length, line.includes(JSON.stringify(victim.comm))], [2, true]);
    });
  }

  test('as text has its fields behind the message', () => {
    assert.match(lineOf('text'), / warn {2}OOM kill victim_comm="java" victim_pid=10 .* oom_score_adj=-500\n$/);
  });
});
