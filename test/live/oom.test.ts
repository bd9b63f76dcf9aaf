/** The OOM receiver in this process, attached in every way that works here: what it says of each kind of kill. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { monotonicMs } from '../../src/program/clock.ts';
import { OOM_METHODS } from '../../src/receivers/oom/probes.ts';
import { OomReceiver } from '../../src/receivers/oom/receiver.ts';
import type { FlatPart, FlatRecord } from '../../src/records/encode.ts';
import { createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { reportedKills } from '../support/kernel-log.ts';
import { createChild, hog, killsOf, killTenAtOnce, limit, ready } from '../support/oom.ts';
import { attach, attachAll, options, pick } from '../support/oom-receivers.ts';
import { missing } from '../support/requirements.ts';
import { mountTracefs } from '../support/tracefs.ts';

const HIERARCHY = findHierarchy();
/** Fewer kills where the machine is emulated. */
const BURSTS = Math.ceil(10 * Number(process.env.TEST_SCALE ?? 1));
const MB = 1 << 20;

suite('an OOM kill', { skip: missing('root', 'btf') }, () => {
  test('by a cgroup’s own limit names that cgroup, its limit and how much of it was used', async () => {
    using attached = await attachAll();
    await using cgroup = createCgroup('own');
    limit(cgroup, 48);
    const child = hog(cgroup, 'own', 200);
    await once(child, 'exit');
    const [report] = reportedKills().filter(({ pid }) => pid === child.pid);
    assert.ok(report, 'it is in the kernel’s log');
    for (const { method, records } of await attached.afterKills(1)) {
      const [record] = records;
      assert.deepEqual(
        pick(record, 'scope', 'limit_owner', 'limit_cgroup', 'limit_bytes', 'cgroup', 'group_kill', 'members', 'order'),
        ['memcg', 'self', cgroup.name, 48 * MB, cgroup.name, false, undefined, 0],
        method,
      );
      assert.deepEqual(
        pick(record, 'victim_comm', 'trigger_comm', 'victim_pid', 'victim_tgid', 'trigger_pid', 'victim_ns_pid'),
        ['own', 'own', child.pid, child.pid, child.pid, child.pid],
      );
      assert.deepEqual(
        pick(record, 'anon_rss_bytes', 'total_vm_bytes', 'page_tables_bytes', 'oom_score_adj'),
        [report.anonKb, report.totalVmKb, report.pageTablesKb].map((kb) => kb * 1024).concat(0),
      );
      const { usage_bytes, gfp_mask } = record ?? {};
      assert.ok(Number(usage_bytes) > 47 * MB && Number(usage_bytes) <= 48 * MB, `${method}: ${usage_bytes} used`);
      assert.match(String(gfp_mask), /^0x[1-9a-f]/);
      assert.deepEqual(
        pick(record, 'cause', 'memory_source', 'memory_truncated'),
        ['unknown', 'kernel_report', false],
        method,
      );
      const kinds = ['anon', 'file', 'shmem', 'kernel'].map((kind) => Number(record?.[`memory_${kind}_bytes`]));
      const sum = kinds.reduce((sum, bytes) => sum + bytes);
      assert.ok(Math.abs(sum - Number(usage_bytes)) <= 0.02 * Number(usage_bytes), `${method}: ${kinds} fill it`);
      const holders = holdersOf(record);
      assert.deepEqual(
        [record?.processes, holders.length, holders[0]?.pid, holders[0]?.comm],
        [1, 1, child.pid, 'own'],
      );
      const rss = Number(record?.anon_rss_bytes) + Number(record?.file_rss_bytes);
      assert.ok(Math.abs(Number(holders[0]?.rss_bytes) - rss) <= 0.02 * rss, `${method}: ${JSON.stringify(holders)}`);
    }
  });

  test('by the limit of a cgroup above names that one, and not the one that lost a process', async () => {
    using attached = await attachAll();
    await using pod = createCgroup('pod');
    limit(pod, 64);
    await using large = createChild(pod, 'large');
    await using small = createChild(pod, 'small');
    await using silent = createChild(pod, 'silent');
    const bystander = hog(silent, 'bystander', 2);
    await ready(bystander);
    const victim = hog(large, 'large', 40);
    await ready(victim);
    const died = once(victim, 'exit');
    const trigger = hog(small, 'small', 30);
    // It is killed as well where what the other one had is not freed in time.
    const gone = once(trigger, 'exit');
    await died;
    await Promise.race([ready(trigger), gone]);
    trigger.stdin?.end();
    await gone;
    const all = await attached.afterKills(1);
    bystander.stdin?.end();
    for (const { method, records } of all) {
      assert.deepEqual(
        pick(records[0], 'scope', 'limit_owner', 'limit_cgroup', 'limit_bytes', 'cgroup', 'victim_pid', 'trigger_pid'),
        ['memcg', 'ancestor', pod.name, 64 * MB, large.name, victim.pid, trigger.pid],
        method,
      );
      assert.deepEqual(
        holdersOf(records[0]).map(({ pid, comm, cgroup }) => [pid, comm, cgroup]),
        [
          [victim.pid, 'large', large.name],
          [trigger.pid, 'small', small.name],
          [bystander.pid, 'bystander', silent.name],
        ],
        method,
      );
    }
  });

  test('by the limit of memory and swap together says so', async (context) => {
    await using cgroup = createCgroup('swap');
    const file = join(cgroup.path, 'memory.memsw.limit_in_bytes');
    if (!existsSync(file)) return context.skip('the limit of memory and swap together is cgroup v1’s');
    using attached = await attachAll();
    limit(cgroup, 32);
    writeFileSync(file, `${32 * MB}`);
    await once(hog(cgroup, 'swap', 200), 'exit');
    for (const { method, records } of await attached.afterKills(1)) {
      const fields = pick(records[0], 'limit_owner', 'limit_bytes', 'limit_includes_swap');
      assert.deepEqual(fields, ['self', 32 * MB, true], method);
    }
  });

  test('of a whole cgroup is one record with all its members, each counted', async (context) => {
    await using cgroup = createCgroup('group');
    const file = join(cgroup.path, 'memory.oom.group');
    if (!existsSync(file)) return context.skip('cgroups die as a whole with cgroup v2 only');
    using attached = await attachAll();
    writeFileSync(file, '1');
    limit(cgroup, 64);
    const members = Array.from({ length: 4 }, (_, index) => hog(cgroup, `member${index}`, 5));
    await Promise.all(members.map(ready));
    const gone = members.map((child) => once(child, 'exit'));
    const chosen = hog(cgroup, 'chosen', 200);
    await Promise.all([once(chosen, 'exit'), ...gone]);
    // The kernel counts the chosen one twice, where its memory is still there.
    const again = killsOf(cgroup) - 5;
    assert.ok(again === 0 || again === 1, `${again} more`);
    const report = reportedKills().find(({ pid }) => pid === chosen.pid);
    for (const { method, records, kills, reconciliation } of await attached.afterKills(5)) {
      assert.deepEqual(reconciliation.differences(), { vmstat: again, memory_events: again });
      assert.equal(records.length, 1, `${method}: ${JSON.stringify(records)}`);
      const [record] = records;
      assert.deepEqual(
        pick(record, 'group_kill', 'victim_pid', 'limit_owner', 'limit_cgroup'),
        [true, chosen.pid, 'self', cgroup.name],
        method,
      );
      assert.equal(record?.anon_rss_bytes, (report?.anonKb ?? 0) * 1024, method);
      const found = (record?.members ?? []) as readonly FlatPart[];
      assert.deepEqual(
        new Set(found.map(({ pid, cgroup }) => String([pid, cgroup]))),
        new Set(members.map(({ pid }) => String([pid, cgroup.name]))),
        method,
      );
      assert.equal(kills(), 5);
    }
  });

  test('because the machine’s memory ran out names no cgroup’s limit', { skip: missing('guest') }, async () => {
    using attached = await attachAll();
    const child = sacrifice(100_000);
    await once(child, 'exit');
    for (const { method, records } of await attached.afterKills(1)) {
      assert.deepEqual(
        pick(records[0], 'scope', 'cause', 'limit_owner', 'limit_cgroup', 'victim_pid', 'oom_score_adj'),
        ['global', 'node_pressure', 'node', undefined, child.pid, 1000],
        method,
      );
    }
  });

  test('that sysrq asked for says so, and its trigger is the kernel', { skip: missing('guest') }, async (context) => {
    if (!existsSync('/proc/sysrq-trigger')) return context.skip('this kernel has no sysrq');
    using attached = await attachAll();
    const child = sacrifice(20);
    const gone = once(child, 'exit');
    await ready(child);
    writeFileSync('/proc/sysrq-trigger', 'f');
    await gone;
    for (const { method, records, source } of await attached.afterKills(1)) {
      assert.deepEqual(
        pick(records[0], 'scope', 'cause', 'limit_owner', 'victim_pid', 'order'),
        ['sysrq', 'sysrq', 'node', child.pid, -1],
        method,
      );
      assert.ok(Number(records[0]?.memory_anon_bytes) > 20 * MB, `${method}: ${records[0]?.memory_anon_bytes}`);
      assert.ok(holdersOf(records[0]).some(({ pid }) => pid === child.pid));
      const triggers = source.read().map(({ member }) => member.attributes.trigger_comm);
      assert.deepEqual(triggers, [undefined, 'kworker']);
    }
  });

  test('is counted and described among 10 at once, burst after burst', async () => {
    using attached = await attachAll();
    const pids: number[] = [];
    for (let burst = 0; burst < BURSTS; burst++) {
      pids.push(...(await killTenAtOnce(`burst${burst}`)));
      // The kernel's log forgets soon.
      await attached.afterKills(pids.length);
    }
    for (const { method, records, kills, receiver, reconciliation } of await attached.afterKills(pids.length)) {
      assert.equal(kills(), pids.length);
      assert.deepEqual(new Set(records.map(({ victim_pid }) => victim_pid)), new Set(pids), method);
      assert.deepEqual(receiver.counts(), { all: pids.length, kills: pids.length, lost: 0, cut: 0, corrupted: 0 });
      assert.deepEqual(new Set(records.map(({ scope }) => scope)), new Set(['memcg']), method);
      assert.deepEqual(reconciliation.differences(), { vmstat: 0, memory_events: 0 });
      assert.deepEqual(receiver.misses(), { skipped_kill: 0, skipped_decision: 0 });
      // The kernel's log has it for some of them only.
      if (method !== 'tracepoint') {
        for (const { limit_owner, limit_cgroup, cgroup } of records) {
          assert.deepEqual([limit_owner, limit_cgroup], ['self', cgroup], method);
        }
      }
    }
  });

  test('whose details find no room in a tiny ring buffer is counted as unknown, and the loss is counted', async () => {
    const { receiver, source } = attach('tracepoint', 4096);
    try {
      // Nobody empties the buffer meanwhile.
      for (let burst = 0; burst < 3; burst++) await killTenAtOnce(`lost${burst}`);
      source.poll(monotonicMs(), true);
      const { kills, lost } = receiver.counts();
      assert.equal(kills, 30);
      assert.ok(lost > 0 && lost < 30, `${lost} lost`);
      const samples = source.read();
      const total = samples.reduce((sum, { member }) => sum + (member.totals[0] ?? 0), 0);
      assert.equal(total, 30);
      const unknown = samples.find(({ member }) => member.attributes.victim_comm === 'unknown');
      assert.equal(unknown?.member.totals[0], lost);
    } finally {
      receiver.stop();
    }
  });

  test('whose cgroup’s path finds no room is counted and described all the same, and the loss is counted', async () => {
    // Room for six kills with their paths, and for a seventh without.
    const { receiver, source, records } = attach('tracepoint', 8192);
    try {
      for (let count = 0; count < 7; count++) {
        await using cgroup = createCgroup('nameless');
        limit(cgroup, 16);
        await once(hog(cgroup, 'nameless', 64), 'exit');
      }
      source.poll(monotonicMs(), true);
      const { kills, lost, cut } = receiver.counts();
      // The victim's, and then the trigger's.
      assert.deepEqual([kills, lost, cut], [7, 0, 2]);
      assert.deepEqual(
        records.map(({ cgroup, victim_comm }) => [cgroup === 'unknown', victim_comm]),
        [...Array(6).fill([false, 'nameless']), [true, 'nameless']],
      );
    } finally {
      receiver.stop();
    }
  });
});

suite('the OOM receiver', { skip: missing('root', 'btf') }, () => {
  test('counts only victims in the cgroup it is told, and in those below it', async () => {
    await using parent = createCgroup('filter');
    await using child = createChild(parent, 'child');
    await using other = createCgroup('other');
    const receiver = OomReceiver.start({ ...options(), cgroupId: cgroupIdOf(HIERARCHY, parent.name) });
    try {
      for (const cgroup of [child, other]) {
        limit(cgroup, 16);
        await once(hog(cgroup, 'filter', 64), 'exit');
      }
      const { kills, all } = receiver.counts();
      assert.deepEqual([kills, all], [1, 2]);
    } finally {
      receiver.stop();
    }
  });

  test('takes the best way to attach and says why not the ones before it', () => {
    using _tracefs = mountTracefs();
    const receiver = OomReceiver.start(options());
    try {
      const { method, refusals } = receiver;
      assert.deepEqual(
        refusals.map(({ method }) => method),
        OOM_METHODS.slice(0, OOM_METHODS.indexOf(method)),
      );
      for (const { reason } of refusals) assert.match(reason, /\w+ \w+/);
      assert.deepEqual(receiver.misses(), { skipped_kill: 0, skipped_decision: 0 });
    } finally {
      receiver.stop();
      receiver.stop();
    }
  });
});

function holdersOf(record: FlatRecord | undefined): readonly FlatPart[] {
  return (record?.holders ?? []) as readonly FlatPart[];
}

/** The process that the kernel chooses first, in no limited cgroup. */
function sacrifice(megabytes: number) {
  const script = 'echo 1000 >/proc/self/oom_score_adj && exec "$@"';
  return spawn('sh', ['-c', script, 'sh', fixture('hog'), 'sacrifice', String(megabytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
