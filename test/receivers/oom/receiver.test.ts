import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CGROUP_PATH, decodeCgroupPath } from '../../../src/receivers/cgroup-path.ts';
import { decodeOomEvent, OOM_DECISION, OOM_EVENT } from '../../../src/receivers/oom/events.ts';

const PAGE = 4096;

/** An event of the kernel, every field different. */
const FIELDS = {
  time_ns: 123_456_789_000,
  memory_cgroup_id: 71,
  default_cgroup_id: 72,
  trigger_memory_cgroup_id: 73,
  trigger_default_cgroup_id: 74,
  anon_pages: 11,
  file_pages: 12,
  shmem_pages: 13,
  page_table_bytes: 5000,
  total_vm_pages: 14,
  decision: [],
  victim_pid: 101,
  victim_tgid: 100,
  victim_own_tgid: 7,
  victim_uid: 1000,
  trigger_pid: 201,
  trigger_tgid: 200,
  trigger_uid: 2000,
  oom_score_adj: 300,
  shares_with: 0,
  is_shared: 1,
  has_rss: 1,
  victim_comm: [...Buffer.from('victim\0\0\0\0\0\0\0\0\0\0')],
  victim_process: [...Buffer.from('main\0')],
  trigger_comm: [...Buffer.from('exactly16letters')],
  trigger_process: [...Buffer.from('other main\0')],
} as const;

function decode(changes: { readonly [K in keyof typeof FIELDS]?: number | readonly number[] } = {}, pageBytes = PAGE) {
  return decodeOomEvent(OOM_EVENT.encode({ ...FIELDS, ...changes }), pageBytes);
}

suite('an OOM event', () => {
  test('has each field in its place', () => {
    assert.deepEqual(decode(), {
      timeNs: 123_456_789_000,
      victim: {
        pid: 101,
        tgid: 100,
        ownTgid: 7,
        uid: 1000,
        comm: 'victim',
        process: 'main',
        memoryCgroupId: 71n,
        defaultCgroupId: 72n,
        anonBytes: 11 * PAGE,
        fileBytes: 12 * PAGE,
        shmemBytes: 13 * PAGE,
        pageTableBytes: 5000,
        totalVmBytes: 14 * PAGE,
        oomScoreAdj: 300,
      },
      trigger: {
        pid: 201,
        tgid: 200,
        uid: 2000,
        comm: 'exactly16letters',
        process: 'other main',
        memoryCgroupId: 73n,
        defaultCgroupId: 74n,
      },
      decision: null,
      groupCgroupId: 0n,
      isShared: true,
      sharesWith: 0,
    });
  });

  for (const adj of [-1000, -1, 0, 1, 1000]) {
    test(`has the score adjustment ${adj}`, () =>
      assert.equal(decode({ oom_score_adj: adj >>> 0 }).victim.oomScoreAdj, adj));
  }

  for (const id of [0n, 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    test(`keeps every bit of the cgroup id ${id}`, () => {
      const record = OOM_EVENT.encode(FIELDS);
      record.writeBigUInt64LE(id, OOM_EVENT.offsets.memory_cgroup_id);
      record.writeBigUInt64LE(id ^ 1n, OOM_EVENT.offsets.default_cgroup_id);
      const { memoryCgroupId, defaultCgroupId } = decodeOomEvent(record, PAGE).victim;
      assert.deepEqual([memoryCgroupId, defaultCgroupId], [id, id ^ 1n]);
    });
  }

  test('counts in pages of the machine', () => {
    const { anonBytes, totalVmBytes } = decode({}, 65_536).victim;
    assert.deepEqual([anonBytes, totalVmBytes], [11 * 65_536, 14 * 65_536]);
  });

  test('of a process larger than 4 GiB has its whole size', () => {
    assert.equal(decode({ total_vm_pages: 2 ** 33 }).victim.totalVmBytes, 2 ** 45);
  });

  test('has no rss where the kernel keeps it in a way that is not known', () => {
    const { anonBytes, fileBytes, shmemBytes, totalVmBytes } = decode({ has_rss: 0 }).victim;
    assert.deepEqual([anonBytes, fileBytes, shmemBytes, totalVmBytes], [undefined, undefined, undefined, 14 * PAGE]);
  });

  test('of one that died because it shared memory says whose, and has no numbers of that memory', () => {
    const { sharesWith, victim } = decode({ shares_with: 100, has_rss: 0 });
    assert.deepEqual([sharesWith, Object.keys(victim).filter((name) => name.endsWith('Bytes'))], [100, []]);
  });

  for (const uid of [0, 2 ** 31, 2 ** 32 - 1]) {
    test(`has the user ${uid}`, () => assert.equal(decode({ victim_uid: uid }).victim.uid, uid));
  }

  test('has names that are text, whatever the tasks wrote there', () => {
    assert.equal(decode({ victim_comm: [0x61, 0xff, 0x0a, 0x62] }).victim.comm, 'a\uFFFD\uFFFDb');
  });

  test('is understood from a record that is longer, as a later kernel side would write it', () => {
    assert.deepEqual(decodeOomEvent(Buffer.concat([OOM_EVENT.encode(FIELDS), Buffer.alloc(8, 0xff)]), PAGE), decode());
  });
});

const DECISION = {
  number: 9,
  limit_cgroup_id: 81,
  group_cgroup_id: 82,
  limit_pages: 21,
  usage_pages: 20,
  domain_pages: 22,
  constraint: 3,
  gfp_mask: 0xcc0,
  order: 2,
  limits_swap: 1,
  trigger_outside: 1,
} as const;

function decide(changes: { readonly [K in keyof typeof DECISION]?: number } = {}) {
  const record = OOM_EVENT.encode(FIELDS);
  OOM_DECISION.encode({ ...DECISION, ...changes }).copy(record, OOM_EVENT.offsets.decision);
  return decodeOomEvent(record, PAGE);
}

suite('what the OOM killer was asked to do', () => {
  test('has each field in its place', () => {
    const { decision, groupCgroupId } = decide();
    assert.deepEqual(decision, {
      number: 9,
      constraint: 'memcg',
      order: 2,
      gfpMask: 0xcc0,
      domainBytes: 22 * PAGE,
      limit: {
        cgroupId: 81n,
        limitBytes: 21 * PAGE,
        usageBytes: 20 * PAGE,
        includesSwap: true,
        isTriggerOutside: true,
      },
    });
    assert.equal(groupCgroupId, 82n);
  });

  test('is unknown without a number, but for the cgroup that could die as a whole', () => {
    const { decision, groupCgroupId } = decide({ number: 0 });
    assert.deepEqual([decision, groupCgroupId], [null, 82n]);
  });

  test('has no limit where the machine’s memory ran out', () => {
    assert.equal(decide({ limit_cgroup_id: 0, constraint: 0 }).decision?.limit, null);
  });

  test('has the order -1 when sysrq asked for it', () => {
    assert.equal(decide({ order: -1 >>> 0 }).decision?.order, -1);
  });

  test('has an unknown constraint where a later kernel has more of them', () => {
    assert.equal(decide({ constraint: 4 }).decision?.constraint, 'unknown');
  });
});

suite('the path of a cgroup', () => {
  function path(names: readonly string[], belowMount: number, isCut = 0) {
    const text = Buffer.concat(names.map((name) => Buffer.from(`${name}\0`)));
    const fields = { cgroup_id: 5, bytes: text.length, below_mount: belowMount, is_cut: isCut, names: [...text, 1, 2] };
    const { place, fullPath, cgroupId } = decodeCgroupPath(CGROUP_PATH.encode(fields));
    assert.equal(cgroupId, 5n);
    return [place.path, fullPath];
  }

  test('begins at the root', () => assert.deepEqual(path(['c', 'b', 'a'], 3), ['/a/b/c', '/a/b/c']));
  test('of the root is the root', () => assert.deepEqual(path([], 0), ['/', '/']));
  test('lies below what is mounted', () => assert.deepEqual(path(['c', 'b', 'a'], 2), ['/b/c', '/a/b/c']));
  test('of what is mounted is the root', () => assert.deepEqual(path(['b', 'a'], 0), ['/', '/a/b']));
  test('elsewhere is that below the root', () => assert.deepEqual(path(['b', 'a'], 255), ['/a/b', '/a/b']));
  test('that is too long says so', () => assert.deepEqual(path(['c', 'b'], 255, 1), ['/…/b/c', '/…/b/c']));
  test('that is too long can be whole below what is mounted', () =>
    assert.deepEqual(path(['c', 'b'], 1, 1), ['/c', '/…/b/c']));
  test('whose name is no text is shown as one, and found by its bytes', () => {
    const names = [...Buffer.from('bad\xff\0a\0', 'latin1')];
    const fields = { cgroup_id: 5, bytes: names.length, below_mount: 2, is_cut: 0, names };
    const { place } = decodeCgroupPath(CGROUP_PATH.encode(fields));
    assert.deepEqual(place, { path: '/a/bad\uFFFD', raw: Buffer.from('/a/bad\xff', 'latin1') });
  });
});
