/** OOM kills on the kernel that is running: each counted once, under the right names. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { OomSource } from '../../src/metrics/oom.ts';
import { OomReceiver } from '../../src/receivers/oom.ts';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { type Floatie, type LogLine, startFloatie } from '../support/floatie.ts';
import { reportedKills } from '../support/kernel-log.ts';
import { missing } from '../support/requirements.ts';

const KILLS = 'floatie_oom_kills_total';
const V1 = findHierarchy().version === 1;

suite('OOM kills', { skip: missing('root', 'btf') }, () => {
  test('the counter is there as 0 before the first kill', async () => {
    await using floatie = await startFloatie();
    assert.deepEqual((await floatie.scrape()).select(KILLS), [{ name: KILLS, labels: {}, value: 0 }]);
  });

  test('20 kills, half of them triggered by another task, agree with the kernel’s own report', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('oom');
    limit(cgroup, 48);
    const expected: { victim: number; trigger: number; names: [string, string] }[] = [];
    for (let round = 0; round < 10; round++) {
      const alone = hog(cgroup, `alone${round}`, 200);
      await once(alone, 'exit');
      expected.push({ victim: alone.pid ?? 0, trigger: alone.pid ?? 0, names: [`alone${round}`, `alone${round}`] });

      const large = hog(cgroup, `large${round}`, 30);
      await once(large.stdout ?? large, 'data');
      const small = hog(cgroup, `small${round}`, 20);
      await once(large, 'exit');
      expected.push({ victim: large.pid ?? 0, trigger: small.pid ?? 0, names: [`small${round}`, `large${round}`] });
      const gone = once(small, 'exit');
      const got = await Promise.race([once(small.stdout ?? small, 'data'), gone]);
      small.stdin?.end();
      await gone;
      // Where what the first one had is not freed in time, the kernel kills the second one, too.
      if (got[1] === 'SIGKILL') {
        const names: [string, string] = [`small${round}`, `small${round}`];
        expected.push({ victim: small.pid ?? 0, trigger: small.pid ?? 0, names });
      }
    }
    const lines = await killLines(floatie, expected.length);
    const metrics = await floatie.scrape();
    const reports = reportedKills();
    for (const { victim, trigger, names } of expected) {
      const line = lines.find(({ victim_pid }) => victim_pid === victim);
      const report = reports.findLast(({ pid }) => pid === victim);
      assert.ok(line && report, `${names[1]} (${victim}) is in the log and in the kernel's report`);
      const [trigger_comm, victim_comm] = names;
      assert.deepEqual(
        [line.trigger_comm, line.trigger_pid, line.victim_comm, line.scope, line.cgroup],
        [trigger_comm, trigger, victim_comm, 'memcg', cgroup.name],
      );
      assert.deepEqual([line.victim_comm, line.scope], [report.comm, report.scope]);
      assert.equal(line.total_vm_bytes, report.totalVmKb * 1024);
      assert.equal(line.anon_rss_bytes, report.anonKb * 1024);
      if (report.taskMemcg !== undefined) assert.equal(line.cgroup, report.taskMemcg);
      const labels = { trigger_comm, victim_comm, scope: 'memcg', cgroup: cgroup.name };
      assert.equal(metrics.sum(KILLS, labels), 1);
    }
    assert.ok(expected.length >= 20);
    assert.equal(metrics.sum(KILLS, { cgroup: cgroup.name }), expected.length);
    assert.equal(killsOf(cgroup), expected.length);
  });

  test('100 kills in bursts of 10 are all counted and all described', async () => {
    await using floatie = await startFloatie();
    const pids: number[] = [];
    for (let burst = 0; burst < 10; burst++) pids.push(...(await killTenAtOnce(`burst${burst}`)));
    const lines = await killLines(floatie, 100);
    assert.deepEqual(new Set(lines.map(({ victim_pid }) => victim_pid)), new Set(pids));
    const metrics = await floatie.scrape();
    assert.equal(metrics.sum(KILLS), 100);
    assert.equal(metrics.sum('floatie_events_lost_total'), 0);
  });

  test('kills whose details find no room in a tiny ring buffer are counted as unknown, and the loss is counted', async () => {
    const objects = fileURLToPath(new URL(`../../dist/bpf/${process.arch}/`, import.meta.url));
    const receiver = OomReceiver.start({ pidNsInum: 0, ringBytes: 4096, objects });
    const source = new OomSource(receiver, new Cgroups(findHierarchy().mount), {
      maxSeries: 1000,
      retainMs: 60_000,
      cgroupIdOf: (kill) => (V1 ? kill.memoryCgroupId : kill.defaultCgroupId),
      onKill: () => undefined,
    });
    try {
      // Nobody empties the buffer meanwhile.
      for (let burst = 0; burst < 5; burst++) await killTenAtOnce(`lost${burst}`);
      source.poll(Date.now(), true);
      const { kills, lost } = receiver.counts();
      assert.equal(kills, 50);
      assert.ok(lost > 0 && lost < 50, `${lost} lost`);
      const samples = source.read();
      assert.equal(
        samples.reduce((sum, { member }) => sum + (member.totals[0] ?? 0), 0),
        50,
      );
      const unknown = samples.find(({ member }) => member.attributes.victim_comm === 'unknown');
      assert.equal(unknown?.member.totals[0], lost);
    } finally {
      receiver.stop();
    }
  });

  test('a name made of quotes, newlines, control and broken bytes harms neither scrape nor log', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('hostile');
    limit(cgroup, 32);
    const names = ['a"b\\x5cc\\x0ad', '\\xff\\xfe\\x80x', '\\x01\\x1b[31m\\x7f', '{}=,\\x22} 1', 'é\\xc3'];
    for (const name of names) await once(hog(cgroup, name, 200), 'exit');
    const lines = await killLines(floatie, names.length);
    const shown = ['a"b\\c\uFFFDd', '\uFFFD\uFFFD\uFFFDx', '\uFFFD\uFFFD[31m\uFFFD', '{}=,"} 1', 'é\uFFFD'];
    assert.deepEqual(
      lines.map(({ victim_comm }) => victim_comm),
      shown,
    );
    const metrics = await floatie.scrape();
    for (const victim_comm of shown) assert.equal(metrics.sum(KILLS, { victim_comm }), 1);
  });

  test('with --pid-ns-inum only victims of that PID namespace are counted', {
    skip: missing('pid namespaces'),
  }, async () => {
    await using floatie = await startFloatie(['--pid-ns-inum', '1']);
    await using cgroup = createCgroup('namespace');
    limit(cgroup, 32);
    await once(hog(cgroup, 'elsewhere', 200), 'exit');
    assert.equal(killsOf(cgroup), 1);
    assert.equal((await floatie.scrape()).sum(KILLS), 0);
  });
});

function limit(cgroup: Cgroup, megabytes: number): void {
  const file = V1 ? 'memory.limit_in_bytes' : 'memory.max';
  writeFileSync(join(cgroup.path, file), `${megabytes << 20}`);
}

/** Kills in this cgroup by the kernel's own count. */
function killsOf(cgroup: Cgroup): number {
  const text = readFileSync(join(cgroup.path, V1 ? 'memory.oom_control' : 'memory.events'), 'utf8');
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
}

function hog(cgroup: Cgroup, name: string, megabytes: number): ChildProcess {
  const [command, args] = cgroup.wrap(fixture('hog'), name, String(megabytes));
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function killTenAtOnce(name: string): Promise<number[]> {
  const cgroups = Array.from({ length: 10 }, () => createCgroup(name));
  try {
    for (const cgroup of cgroups) limit(cgroup, 16);
    const hogs = cgroups.map((cgroup, index) => hog(cgroup, `${name}.${index}`, 64));
    await Promise.all(hogs.map((child) => once(child, 'exit')));
    assert.deepEqual(cgroups.map(killsOf), Array(10).fill(1));
    return hogs.map(({ pid = 0 }) => pid);
  } finally {
    for (const cgroup of cgroups) await cgroup.remove();
  }
}

async function killLines(floatie: Floatie, count: number): Promise<LogLine[]> {
  const lines = (): LogLine[] => floatie.log.filter(({ message }) => message === 'OOM kill');
  await eventually(`${count} kills are in the log`, () => lines().length >= count);
  return lines();
}
