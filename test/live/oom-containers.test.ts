/** OOM kills in containers of a real runtime: whose process it was, and whose limit. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { testCrashLoop } from '../support/crash-loop.ts';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { type Floatie, type LogLine, MAIN, recordOf, startFloatie } from '../support/floatie.ts';
import { reportedKills } from '../support/kernel-log.ts';
import { BASE, podman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const MB = 1 << 20;

suite('an OOM kill in a container', { skip: missing('root', 'btf') }, () => {
  test('by its own limit names it twice: as the victim’s, and as the one whose limit it was', async () => {
    await using floatie = await startFloatie();
    using container = startHog('own', 200, '-m', '64m');
    const record = await killOf(floatie, 'own');
    assert.deepEqual(
      [record.scope, record.limit_owner, record.container_id, record.limit_container_id, record.limit_bytes],
      ['memcg', 'self', container.id, container.id, 64 * MB],
    );
    agreesWithKernel(record);
  });

  test('where no cgroup hierarchy is visible names it all the same', async () => {
    const command = ['unshare', '--mount', 'sh', '-c', 'umount -R -l /sys/fs/cgroup && exec "$@"', 'sh'];
    await using floatie = await startFloatie([], { command: [...command, process.execPath, MAIN] });
    using container = startHog('hidden', 200, '-m', '64m');
    const record = await killOf(floatie, 'hidden');
    assert.deepEqual([record.container_id, record.trigger_container_id], [container.id, container.id]);
    assert.equal((await floatie.scrape()).sum('floatie_oom_kills_total', { container_id: container.id }), 1);
  });

  testCrashLoop(25);

  test('by the limit of all in a pod names the one that lost a process, and the pod whose limit it was', async () => {
    await using floatie = await startFloatie();
    using large = startHog('large', 40);
    await eventually('the large one has its memory', () => podman('logs', large.id).includes('ready'));
    using pod = limitParent(large.id, 64 * MB);
    using small = startHog('small', 30);
    assert.notEqual(small.id, large.id);
    const record = await killOf(floatie, 'large');
    assert.deepEqual(
      [record.scope, record.limit_owner, record.limit_cgroup, record.limit_bytes, record.limit_container_id],
      ['memcg', 'ancestor', pod.name, 64 * MB, undefined],
    );
    assert.deepEqual([record.container_id, record.trigger_comm], [large.id, 'small']);
    agreesWithKernel(record);
  });
});

/** In a shell that keeps its standard input open. */
function startHog(name: string, megabytes: number, ...options: string[]) {
  const work = `sleep 1000 | /hog ${name} ${megabytes}`;
  return startContainer(...options, '--network=none', '-v', `${fixture('hog')}:/hog:ro`, BASE, 'sh', '-c', work);
}

async function killOf(floatie: Floatie, comm: string): Promise<LogLine> {
  const record = await eventually(`the kill of ${comm} is in the log`, () =>
    floatie.log.find(({ message, victim_comm }) => message === 'OOM kill' && victim_comm === comm),
  );
  const response = await fetch(new URL('/oom', floatie.url));
  const { records } = (await response.json()) as { records: Record<string, unknown>[] };
  assert.deepEqual(
    records.filter(({ read_from }) => read_from === undefined),
    [recordOf(record)],
  );
  assert.notEqual(record.victim_ns_pid, record.victim_tgid);
  return record;
}

function agreesWithKernel(record: LogLine): void {
  const report = reportedKills().findLast(({ pid }) => pid === record.victim_pid);
  assert.ok(report, 'it is in the kernel’s report');
  assert.deepEqual(
    [record.victim_comm, record.scope, record.anon_rss_bytes, record.total_vm_bytes, record.page_tables_bytes],
    [report.comm, report.scope, ...[report.anonKb, report.totalVmKb, report.pageTablesKb].map((kb) => kb * 1024)],
  );
  if (report.oomMemcg !== undefined) assert.equal(record.limit_cgroup, report.oomMemcg);
  if (report.taskMemcg !== undefined) assert.equal(record.cgroup, report.taskMemcg);
}

/** Limits the cgroup that a container's is in, until it is disposed of. */
function limitParent(id: string, bytes: number): Disposable & { readonly name: string } {
  const { version, mount } = findHierarchy();
  const pid = podman('inspect', '--format', '{{.State.Pid}}', id);
  const places = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const [, path = ''] = (version === 1 ? /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m : /^0::(.*)$/m).exec(places) ?? [];
  const name = dirname(path);
  const file = join(mount ?? '', name, version === 1 ? 'memory.limit_in_bytes' : 'memory.max');
  writeFileSync(file, String(bytes));
  return { name, [Symbol.dispose]: () => writeFileSync(file, version === 1 ? '-1' : 'max') };
}
