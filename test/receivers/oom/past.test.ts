import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { identify } from '../../../src/containers/identity.ts';
import type { ReportedKill } from '../../../src/receivers/oom/kmsg.ts';
import { describePastKills } from '../../../src/receivers/oom/past.ts';
import { OOM_KILL } from '../../../src/receivers/oom/record-schema.ts';
import { flatten } from '../../../src/records/encode.ts';
import { Records } from '../../../src/records/records.ts';
import type { TypedRecord } from '../../../src/records/schema.ts';
import { oomRecord } from '../../support/records.ts';

const ID = 'c'.repeat(64);
const SIZE = { totalVmBytes: 5, anonBytes: 1, fileBytes: 2, shmemBytes: 3, pageTableBytes: 4 };

function kill(pid: number, changes: Partial<ReportedKill> = {}): ReportedKill {
  const timeNs = Number(process.hrtime.bigint()) - 60e9;
  return { pid, memcg: true, about: { timeNs, comm: `killed${pid}` }, ...changes };
}

function describe(kills: readonly ReportedKill[], cgroup = '') {
  return describePastKills(kills, { identityOf: identify, cgroup }).map(flatten);
}

suite('the record of a kill from before the start', () => {
  test('says all that the kernel reported, when it was, and where it was read', () => {
    const limit = { limitBytes: 64, usageBytes: 60, includesSwap: false };
    const [record] = describe([
      kill(7, {
        memory: SIZE,
        report: {
          constraint: 'memcg',
          victimCgroup: `/docker/${ID}`,
          limitCgroup: '/docker',
          limit,
          order: 0,
          gfpMask: 0xcc0,
        },
        about: {
          timeNs: Number(process.hrtime.bigint()) - 60e9,
          comm: 'victim',
          uid: 1000,
          oomScoreAdj: -998,
          trigger: { comm: 'asker', pid: 8 },
        },
      }),
    ]);
    const { time, ...fields } = record ?? {};
    assert.deepEqual(fields, {
      read_from: 'kernel_log',
      scope: 'memcg',
      cause: 'unknown',
      explanation:
        'Neither a full report of the kernel, which writes ten in five seconds, nor a sample tells what filled the memory; the victim held 0.0 MiB of anonymous memory',
      limit_owner: 'ancestor',
      limit_cgroup: '/docker',
      limit_bytes: 64,
      usage_bytes: 60,
      headroom_bytes: 4,
      limit_includes_swap: false,
      order: 0,
      gfp_mask: '0xcc0',
      gfp_flags: 'GFP_KERNEL',
      trigger_comm: 'asker',
      trigger_pid: 8,
      victim_comm: 'victim',
      victim_pid: 7,
      victim_uid: 1000,
      cgroup: `/docker/${ID}`,
      container_id: ID,
      anon_rss_bytes: 1,
      file_rss_bytes: 2,
      shmem_rss_bytes: 3,
      page_tables_bytes: 4,
      total_vm_bytes: 5,
      oom_score_adj: -998,
      group_kill: false,
    });
    assert.ok(Math.abs(Date.parse(String(time)) - (Date.now() - 60_000)) < 1000, String(time));
  });

  test('says no more than the short report does', () => {
    const [record] = describe([kill(7), kill(8, { memcg: false })]).map(({ time, ...fields }) => fields);
    assert.deepEqual(record, {
      ...{
        read_from: 'kernel_log',
        scope: 'memcg',
        cause: 'unknown',
        explanation:
          'Neither a full report of the kernel, which writes ten in five seconds, nor a sample tells what filled the memory',
        victim_comm: 'killed7',
        victim_pid: 7,
      },
      ...{ cgroup: 'unknown', group_kill: false },
    });
  });

  test('is one of a cgroup that died as a whole', () => {
    const records = describe([
      kill(7, { chosenPid: 7 }),
      kill(8, { chosenPid: 7 }),
      kill(9, { chosenPid: 7 }),
      kill(10),
    ]);
    assert.deepEqual(
      records.map(({ victim_pid, group_kill, members = [] }) => [
        victim_pid,
        group_kill,
        (members as readonly { pid: number }[]).map(({ pid }) => pid),
      ]),
      [
        [7, true, [8, 9]],
        [10, false, []],
      ],
    );
  });

  test('is left out where only one cgroup is measured and the kill was not in it, or nobody knows', () => {
    const at = (pid: number, victimCgroup: string) => kill(pid, { report: { constraint: 'memcg', victimCgroup } });
    const records = describe([at(1, '/a'), at(2, '/a/b'), at(3, '/ab'), kill(4)], '/a');
    assert.deepEqual(
      records.map(({ victim_pid }) => victim_pid),
      [1, 2],
    );
  });
});

suite('records of kills from before the start', () => {
  test('are listed before all others, are no more than others may be, and nobody is told of them', () => {
    const records = new Records([OOM_KILL]);
    const told: TypedRecord[] = [];
    records.onAdd((record) => told.push(record));
    const kills = Array.from({ length: 2000 }, (_, pid) => kill(pid));
    records.remember(describePastKills(kills, { identityOf: identify, cgroup: '' }));
    assert.equal(records.at('/oom')?.length, 1000);
    const seen = oomRecord({ 'victim.pid': 5000 });
    records.add(seen);
    const list = records.at('/oom')?.map(flatten) ?? [];
    assert.deepEqual([list.length, list[0]?.victim_pid], [1000, 1001]);
    assert.deepEqual([records.seen, told], [[seen], [seen]]);
  });
});
