/** Who dies with the victim of the OOM killer, who asked for the memory, and what the memory was. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import type { FlatPart, FlatRecord } from '../../src/records/encode.ts';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { createChild, groupKillsOf, hog, killsOf, limit, ready } from '../support/oom.ts';
import { attachAll, pick } from '../support/oom-receivers.ts';
import { missing } from '../support/requirements.ts';

const V1 = findHierarchy().version === 1;
const MB = 1 << 20;

suite('an OOM kill', { skip: missing('root', 'btf') }, () => {
  for (const how of ['clone', 'vfork', 'spawn']) {
    test(`of a process whose memory another one shares (${how}) names both, and counts what the kernel counts`, async () => {
      using attached = await attachAll();
      using fifo = createFifo();
      await using cgroup = createCgroup(how);
      limit(cgroup, 32);
      const { child, others } = await share(cgroup, how, '200', ...(how === 'spawn' ? [fifo.path] : []));
      await once(child, 'exit');
      assert.equal(killsOf(cgroup), 1);
      for (const { method, records, kills, reconciliation } of await attached.afterKills(1)) {
        const [record] = records;
        const members = membersOf(record);
        assert.deepEqual(
          members.map(({ reason, cgroup, anon_rss_bytes }) => [reason, cgroup, anon_rss_bytes]),
          [['shared_memory', cgroup.name, undefined]],
          method,
        );
        assert.deepEqual(new Set([record?.victim_pid, members[0]?.pid]), new Set([child.pid, ...others]), method);
        assert.deepEqual(pick(record, 'group_kill', 'trigger_outside_limit'), [false, false]);
        assert.equal(kills(), 1, method);
        assert.deepEqual(reconciliation.differences(), { vmstat: 0, memory_events: 0 });
      }
    });
  }

  test('asked for from another cgroup says which, and that it is outside the limit', async () => {
    using attached = await attachAll();
    await using cgroup = createCgroup('limited');
    await using other = createCgroup('asking');
    limit(cgroup, 32);
    const { child, others } = await share(cgroup, 'clone', '200', join(other.path, 'cgroup.procs'));
    await once(child, 'exit');
    for (const { method, records } of await attached.afterKills(1)) {
      const [record] = records;
      assert.deepEqual(
        pick(record, 'cgroup', 'limit_cgroup', 'trigger_cgroup', 'trigger_outside_limit', 'victim_pid'),
        [cgroup.name, cgroup.name, other.name, true, child.pid],
        method,
      );
      assert.deepEqual(pick(record, 'trigger_pid', 'trigger_comm', 'trigger_process'), [...others, 'sharer', 'sharer']);
      assert.deepEqual(
        membersOf(record).map(({ pid, reason, cgroup }) => [pid, reason, cgroup]),
        [[...others, 'shared_memory', other.name]],
      );
    }
    if (V1) return; // There whoever lowers the limit is refused.
    const grown = hog(cgroup, 'grown', 24);
    await ready(grown);
    limit(cgroup, 8);
    await once(grown, 'exit');
    for (const { method, records } of await attached.afterKills(2)) {
      assert.deepEqual(
        pick(records[1], 'trigger_tgid', 'trigger_outside_limit', 'limit_cgroup', 'victim_pid', 'cause'),
        [process.pid, true, cgroup.name, grown.pid, 'limit_lowered'],
        method,
      );
    }
  });

  test('of a whole cgroup counts a process once that also shares the memory of the one that was chosen', async (context) => {
    await using cgroup = createCgroup('both');
    if (!diesAsWhole(cgroup)) return context.skip('cgroups die as a whole with cgroup v2 only');
    using attached = await attachAll();
    limit(cgroup, 32);
    const { child, others } = await share(cgroup, 'clone', '200');
    await once(child, 'exit');
    const again = killsOf(cgroup) - 2;
    assert.ok(again === 0 || again === 1, `the kernel counts ${again} more`);
    for (const { method, records, kills, reconciliation } of await attached.afterKills(2)) {
      assert.equal(records.length, 1, `${method}: ${JSON.stringify(records)}`);
      const [record] = records;
      const members = membersOf(record);
      assert.deepEqual(
        members.map(({ reason }) => reason),
        ['group'],
        method,
      );
      assert.deepEqual(new Set([record?.victim_pid, members[0]?.pid]), new Set([child.pid, ...others]), method);
      assert.equal(kills(), 2, method);
      assert.deepEqual(reconciliation.differences(), { vmstat: again, memory_events: again });
    }
  });

  test('of a whole cgroup whose init is the first to die counts all that the kernel counts', async (context) => {
    await using cgroup = createCgroup('init');
    if (!diesAsWhole(cgroup)) return context.skip('cgroups die as a whole with cgroup v2 only');
    using attached = await attachAll();
    limit(cgroup, 64);
    // Its death ends the others of its PID namespace, while the OOM killer comes to one after the other.
    const [command, args] = cgroup.wrap(fixture('share'), 'init', '40', '30');
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child, 'exit');
    const counted = killsOf(cgroup);
    // A process that is still to be killed can run out of memory once more.
    const decisions = groupKillsOf(cgroup);
    for (const { method, kills, records } of await attached.afterKills(counted - 1)) {
      assert.ok(counted - kills() <= 1, `${method}: ${kills()} of ${counted}`);
      assert.equal(records.length, decisions, `${method}: ${records.length} records of ${decisions} decisions`);
    }
  });

  test('of one that writes a file in memory has shmem_rss_bytes only of what it has mapped', async () => {
    using attached = await attachAll();
    for (const how of ['write', 'map']) {
      await using cgroup = createCgroup(how);
      limit(cgroup, 32);
      const [command, args] = cgroup.wrap(fixture('share'), how, '200');
      await once(spawn(command, args, { stdio: 'ignore' }), 'exit');
    }
    for (const { method, records } of await attached.afterKills(2)) {
      const [written, mapped] = records;
      assert.equal(written?.shmem_rss_bytes, 0, method);
      assert.ok(Number(mapped?.shmem_rss_bytes) > 24 * MB, `${method}: ${mapped?.shmem_rss_bytes}`);
      for (const record of records) {
        assert.ok(Number(record.anon_rss_bytes) < 4 * MB, method);
        assert.equal(record.cause, 'tmpfs', `${method}: ${record.explanation}`);
      }
    }
  });

  test('in a cgroup that is removed at once, and has a long path, names as much of it as finds room', async () => {
    using attached = await attachAll();
    const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(250));
    await using top = createCgroup('deep');
    await using stack = new AsyncDisposableStack();
    let cgroup = top;
    for (const name of names) cgroup = stack.use(createChild(cgroup, name));
    limit(cgroup, 16);
    await once(hog(cgroup, 'deep', 64), 'exit');
    await stack.disposeAsync();
    for (const { method, records } of await attached.afterKills(1)) {
      const found = pick(records[0], 'cgroup', 'trigger_cgroup');
      assert.deepEqual(found, Array(2).fill(`/…/${names.slice(-3).join('/')}`), method);
    }
  });
});

function membersOf(record: FlatRecord | undefined): readonly FlatPart[] {
  return (record?.members ?? []) as readonly FlatPart[];
}

/** @returns once the other process is there, which may take its memory before anybody looks */
async function share(cgroup: Cgroup, ...args: string[]): Promise<{ child: ChildProcess; others: number[] }> {
  const child = spawn(...cgroup.wrap(fixture('share'), ...args), { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  return { child, others: [Number(line)].filter((pid) => pid !== child.pid) };
}

function diesAsWhole(cgroup: Cgroup): boolean {
  const file = join(cgroup.path, 'memory.oom.group');
  if (!existsSync(file)) return false;
  writeFileSync(file, '1');
  return true;
}

function createFifo(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-fifo-'));
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}
