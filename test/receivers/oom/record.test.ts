import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Identity } from '../../../src/containers/identity.ts';
import { createLogger } from '../../../src/program/log.ts';
import type { OomVictim } from '../../../src/receivers/oom/events.ts';
import type { OomKill } from '../../../src/receivers/oom/kills.ts';
import { describeKill, type OomSurroundings } from '../../../src/receivers/oom/record.ts';
import { type FlatPart, type FlatRecord, flatten } from '../../../src/records/encode.ts';

const ID = 'c'.repeat(64);

function victim(pid: number, comm: string) {
  return {
    pid: pid + 1,
    tgid: pid,
    ownTgid: 3,
    uid: 1000,
    comm,
    process: `${comm} main`,
    memoryCgroupId: 71n,
    defaultCgroupId: 72n,
    anonBytes: 4096,
    fileBytes: 8192,
    shmemBytes: 12_288,
    pageTableBytes: 5000,
    totalVmBytes: 2 ** 45,
    oomScoreAdj: -500,
  } satisfies OomVictim;
}

const KILL: OomKill = {
  timeNs: Number(process.hrtime.bigint()),
  victim: victim(10, 'java'),
  trigger: {
    pid: 21,
    tgid: 20,
    uid: 2000,
    comm: 'kworker/0:1',
    process: 'kthreadd',
    memoryCgroupId: 81n,
    defaultCgroupId: 82n,
  },
  members: [],
  scope: 'unknown',
};

const SURROUNDINGS: OomSurroundings = {
  identityOf: (cgroup): Identity => (cgroup === 71n ? { cgroup: '/app', containerId: ID } : { cgroup: String(cgroup) }),
  cgroupIdOf: ({ memoryCgroupId }) => memoryCgroupId,
  momentOf: () => ({}),
  ownerOf: () => undefined,
};

const MEMORY = {
  anon_rss_bytes: 4096,
  file_rss_bytes: 8192,
  shmem_rss_bytes: 12_288,
  page_tables_bytes: 5000,
  total_vm_bytes: 2 ** 45,
  oom_score_adj: -500,
};

function describe(changes: Partial<OomKill> = {}, surroundings: Partial<OomSurroundings> = {}): FlatRecord {
  return flatten(describeKill({ ...KILL, ...changes }, { ...SURROUNDINGS, ...surroundings }));
}

suite('the record of an OOM kill', () => {
  test('says who was killed, by whom, where and how large it was, and nothing that is not known', () => {
    const { time, ...fields } = describe();
    assert.deepEqual(fields, {
      scope: 'unknown',
      cause: 'unknown',
      explanation:
        'Neither a full report of the kernel, which writes ten in five seconds, nor a sample tells what filled the memory; the victim held 0.0 MiB of anonymous memory',
      trigger_comm: 'kworker/0:1',
      trigger_process: 'kthreadd',
      trigger_pid: 21,
      trigger_tgid: 20,
      trigger_uid: 2000,
      trigger_cgroup: '81',
      victim_comm: 'java',
      victim_process: 'java main',
      victim_pid: 11,
      victim_tgid: 10,
      victim_ns_pid: 3,
      victim_uid: 1000,
      cgroup: '/app',
      container_id: ID,
      ...MEMORY,
    });
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000, String(time));
  });

  test('says whose limit it was, how much of it was used, and what was asked for', () => {
    const limit = { owner: 'ancestor', cgroup: '/pod', limitBytes: 64, usageBytes: 60, includesSwap: false } as const;
    const record = describe({ scope: 'memcg', limit, order: 0, gfpMask: 0xcc0, domainBytes: 64, isGroup: false });
    const names = Object.entries(record).filter(([name]) =>
      /^(scope|limit|usage|headroom|domain|order|gfp|group)/.test(name),
    );
    assert.deepEqual(Object.fromEntries(names), {
      scope: 'memcg',
      limit_owner: 'ancestor',
      limit_cgroup: '/pod',
      limit_bytes: 64,
      usage_bytes: 60,
      headroom_bytes: 4,
      limit_includes_swap: false,
      domain_bytes: 64,
      order: 0,
      gfp_mask: '0xcc0',
      gfp_flags: 'GFP_KERNEL',
      group_kill: false,
    });
  });

  test('names the container whose limit it was', () => {
    assert.equal(describe({ limit: { owner: 'self', cgroup: 71n } }).limit_container_id, ID);
  });

  test('says where the one lives that asked for memory, and whether that is outside the limit', () => {
    const trigger = { ...KILL.trigger, memoryCgroupId: 71n };
    const limit = { owner: 'self', cgroup: 72n, isTriggerOutside: true } as const;
    const { trigger_cgroup, trigger_container_id, trigger_outside_limit } = describe({ trigger, limit });
    assert.deepEqual([trigger_cgroup, trigger_container_id, trigger_outside_limit], ['/app', ID, true]);
  });

  test('has one that died because it shared the memory, without the numbers of that memory', () => {
    const { anonBytes, fileBytes, shmemBytes, pageTableBytes, totalVmBytes, ...sharer } = victim(30, 'child');
    const [member] = describe({ members: [{ ...sharer, reason: 'shared_memory' }] }).members as readonly FlatPart[];
    assert.deepEqual(
      [member?.comm, member?.reason, member?.container_id, member?.oom_score_adj],
      ['child', 'shared_memory', ID, -500],
    );
    assert.ok(!Object.keys(member ?? {}).some((name) => name.endsWith('_bytes')), JSON.stringify(member));
  });

  test('says what filled the memory, and who held it: those who died by their events, others where the limit is not one’s own', () => {
    const holder = (tgid: number) => ({
      ...{ tgid, uid: 0, comm: `p${tgid}`, rssBytes: 4096, pageTableBytes: 1, swapBytes: 2, oomScoreAdj: 0 },
    });
    const kinds = { anonBytes: 60, fileBytes: 1, shmemBytes: 2, kernelBytes: 3, dirtyBytes: 0, unevictableBytes: 0 };
    const memory = { kinds, holders: [10, 20, 30].map(holder), processes: 40, rssBytes: 99, isTruncated: false };
    const surroundings = { ownerOf: () => ({ cgroup: '/seen' }) };
    const record = describe({ memory, limit: { owner: 'ancestor', cgroup: '/pod' } }, surroundings);
    const cgroupsOf = ({ holders }: FlatRecord) => (holders as readonly FlatPart[]).map(({ cgroup }) => cgroup);
    assert.deepEqual(cgroupsOf(record), ['/app', '81', '/seen']);
    const { memory_source, memory_anon_bytes, memory_swap_bytes, memory_truncated, processes } = record;
    assert.deepEqual(
      [memory_source, memory_anon_bytes, memory_swap_bytes, memory_truncated, processes],
      ['kernel_report', 60, undefined, false, 40],
    );
    const own = describe({ memory, limit: { owner: 'self', cgroup: 71n } }, surroundings);
    assert.deepEqual(cgroupsOf(own), ['/app', '81', undefined]);
  });

  test('has no headroom below 0: limits are exceeded for a moment', () => {
    const limit = { owner: 'self', limitBytes: 64, usageBytes: 65 } as const;
    assert.equal(describe({ limit }).headroom_bytes, 0);
  });

  test('has what was known of that moment', () => {
    const record = describe({}, { momentOf: ({ tgid }) => ({ host_pressure_score_60s: tgid }) });
    assert.equal(record.host_pressure_score_60s, 10);
  });

  test('has the other members of a cgroup that died as a whole, up to a hundred', () => {
    const members = Array.from({ length: 103 }, (_, index) => ({
      ...victim(100 + index, 'worker'),
      reason: 'group' as const,
    }));
    const record = describe({ members, isGroup: true });
    const told = record.members as readonly object[];
    assert.deepEqual([told.length, record.members_left_out, record.group_kill], [100, 3, true]);
    assert.deepEqual(told[0], {
      comm: 'worker',
      process: 'worker main',
      reason: 'group',
      pid: 101,
      tgid: 100,
      ns_pid: 3,
      uid: 1000,
      cgroup: '/app',
      container_id: ID,
      ...MEMORY,
    });
  });

  for (const format of ['text', 'json'] as const) {
    test(`is one line in a log of ${format}, whatever the tasks are called`, () => {
      const lines: string[] = [];
      const log = createLogger('warn', format, (line) => lines.push(line));
      const comm = 'a"b\\c d=1\uFFFD';
      log.warn(
        'OOM kill',
        describe({
          victim: { ...KILL.victim, comm, process: 'x' },
          members: [{ ...victim(12, comm), process: 'x', reason: 'group' }],
        }),
      );
      assert.equal(lines.length, 1);
      assert.deepEqual([lines[0]?.split('\n').length, lines[0]?.split(JSON.stringify(comm)).length], [2, 3]);
    });
  }

  test('says since when memory filled and, where the report is missing, what a sample says of its kinds', () => {
    const MB = 1 << 20;
    const past = {
      points: [
        { agoMs: 60_000, bytes: 4 * MB },
        { agoMs: 10_000, bytes: 54 * MB },
        { agoMs: 1000, bytes: 62 * MB },
      ],
      hits: { max: 7, high: 0 },
      statistics: { anon: 50 * MB, file: 2 * MB, shmem: MB, kernel: 3 * MB, sock: 0 },
      statisticsAgoMs: 9960,
      statisticsUsageBytes: 55 * MB,
    };
    const limit = { owner: 'self' as const, limitBytes: 64 * MB, usageBytes: 64 * MB };
    const record = describe({ scope: 'memcg', limit }, { pastOf: () => past });
    assert.deepEqual(
      [record.memory_source, record.memory_sample_age_s, record.memory_anon_bytes, record.memory_file_bytes],
      ['sampled', 10, 50 * MB, MB],
    );
    assert.deepEqual([record.growth_10s, record.growth_1m, record.growth_5m], [MB, MB, undefined]);
    assert.equal(record.limit_hits, 7);
    assert.deepEqual(record.usage_before, [
      { seconds_before: 60, bytes: 4 * MB },
      { seconds_before: 10, bytes: 54 * MB },
      { seconds_before: 1, bytes: 62 * MB },
    ]);
    assert.equal(record.cause, 'leak');
    assert.equal(record.memory_truncated, undefined, 'there was no report that could be cut');
  });
});
