/**
 * `floatie doctor` on this machine: that what it says is so, and that its cures work. test/live/doctor-guest.test.ts does the
 * same on other kernels.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { diagnose } from '../../src/commands/doctor.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Readiness } from '../../src/program/health.ts';
import { runDoctor, withOnly } from '../support/doctor.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { BARE, MOUNTED, withMounts } from '../support/mounts.ts';
import { missing } from '../support/requirements.ts';

/** What a shell would run of a cure: the part before those for containers and the like. */
function commandIn(cure = ''): string {
  return cure.split(/[;:] /)[0] ?? '';
}

suite('floatie doctor', { skip: missing('root', 'btf') }, () => {
  for (const [mounts, state] of [
    ['nothing of the kernel’s is mounted', BARE],
    ['tracefs, debugfs, bpffs and securityfs are mounted', MOUNTED],
  ] as const)
    test(`says as root how Floatie would attach where ${mounts}, and it does`, async (context) => {
      const { checks, of } = await runDoctor(undefined, { after: state });
      for (const { name, verdict, reason } of checks) context.diagnostic(`${verdict} ${name}: ${reason}`);
      await using floatie = await startFloatie([], { command: [...withMounts(state), process.execPath, MAIN] });
      const response = await fetch(new URL('/readyz', floatie.url), { signal: AbortSignal.timeout(30_000) });
      const { probes } = (await response.json()) as Readiness;
      const expected = probes.map(({ probe, method }) => `${probe} by ${method}`).join(', ');
      assert.equal(of('start').reason, `Floatie would start: ${expected}`);
      for (const { probe, method, refusals = [] } of probes.filter(({ probe }) => probe !== 'pressure')) {
        assert.equal(of(`${probe}.${method}`).verdict, 'ok');
        assert.match(of(`${probe}.${method}`).reason, /^used; /);
        for (const refusal of refusals) assert.equal(of(`${probe}.${refusal.method}`).verdict, 'unneeded');
      }
    });

  test('says with CAP_BPF and CAP_PERFMON alone, as another user, what is lost, and Floatie starts', async () => {
    const { code, of } = await runDoctor(undefined, { after: MOUNTED, by: withOnly('bpf', 'perfmon') });
    assert.equal(code, 0);
    for (const name of ['cap_bpf', 'cap_perfmon', 'libbpf', 'btf', 'cgroups'])
      assert.equal(of(name).verdict, 'ok', name);
    for (const name of ['cap_sys_admin', 'cap_dac_read_search', 'kernel_log'])
      assert.equal(of(name).verdict, 'warn', name);
    assert.match(of('overlayfs.syscall').reason, /could not be tried: .*CAP_SYS_ADMIN/);
    // tracefs is for root alone.
    assert.match(of('overlayfs.kprobe').reason, /tracefs belongs to root/);
    assert.match(of('overlayfs.syscall_classic').reason, /tracefs.* belongs to root/);
    // With what it asks for, that is no longer so.
    const asked = ['bpf', 'perfmon', 'sys_admin', 'syslog', 'dac_read_search', 'dac_override'];
    const cured = await runDoctor(undefined, { after: MOUNTED, by: withOnly(...asked) });
    for (const name of ['cap_sys_admin', 'cap_dac_read_search', 'kernel_log', 'overlayfs.syscall_classic']) {
      assert.equal(cured.of(name).verdict, 'ok', name);
    }
    assert.match(cured.of('overlayfs.syscall').reason, /counted (\d+) of \1 reads/);
  });

  test('prints every line without any capability, and each it asks for cures its line', async () => {
    const { code, checks, of } = await runDoctor(undefined, { after: BARE, by: withOnly() });
    assert.equal(code, 1);
    const root = await runDoctor(undefined, { after: BARE });
    assert.deepEqual(
      checks.map(({ name }) => name),
      root.checks.map(({ name }) => name),
    );
    for (const name of ['cap_bpf', 'cap_perfmon', 'start']) assert.equal(of(name).verdict, 'fail', name);
    for (const name of ['lockdown', 'security_modules']) assert.equal(of(name).verdict, 'unknown', name);
    for (const capability of ['bpf', 'perfmon']) {
      const { cure = '' } = of(`cap_${capability}`);
      assert.match(cure, new RegExp(`--cap-add ${capability.toUpperCase()} in a container`));
      const cured = await runDoctor(undefined, { after: BARE, by: withOnly(capability) });
      assert.equal(cured.of(`cap_${capability}`).verdict, 'ok');
      assert.equal(cured.code, 1);
    }
  });

  test('finds the BTF of the kernel missing, and there again', async () => {
    const hide = 'mount -t tmpfs none /sys/kernel/btf';
    const { code, of } = await runDoctor(undefined, { after: hide });
    assert.deepEqual([code, of('btf').verdict], [1, 'fail']);
    assert.match(of('btf').cure ?? '', /in a container, mount \/sys/);
    // As a container does that gets /sys.
    const cured = await runDoctor(undefined, { after: `${hide}; umount /sys/kernel/btf` });
    assert.deepEqual([cured.code, cured.of('btf').verdict], [0, 'ok']);
  });

  test('finds libbpf missing, too old, and there again', async () => {
    const found = spawnSync('sh', ['-c', 'ls -d /usr/lib/*/libbpf.so.1 /usr/lib64/libbpf.so.1 /usr/lib/libbpf.so.1'], {
      encoding: 'utf8',
    });
    const [folder = ''] = /.*(?=\/libbpf)/.exec(found.stdout) ?? [];
    // Below the memory that is mounted, everything but libbpf is where it was.
    const hide = `mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work && mount -t overlay -o lowerdir=${folder},upperdir=/mnt/upper,workdir=/mnt/work overlay ${folder} && LC_ALL=C sed "s/libbpf[.]so[.]1/libbpf.so.0/" ${folder}/libbpf.so.1 > /mnt/libbpf.so.0 && rm ${folder}/libbpf.so.1*`;
    const { code, of } = await runDoctor(undefined, { after: hide });
    assert.deepEqual([code, of('libbpf').verdict, of('libbpf').reason], [1, 'fail', 'libbpf is not installed']);
    assert.match(of('libbpf').cure ?? '', /apt-get install libbpf1/);
    const old = await runDoctor(undefined, { after: hide, env: { LD_LIBRARY_PATH: '/mnt' } });
    assert.deepEqual([old.code, old.of('libbpf').reason], [1, 'libbpf is older than 1.0']);
    const cured = await runDoctor(undefined, { after: `${hide} && umount --lazy ${folder}` });
    assert.deepEqual([cured.code, cured.of('libbpf').verdict], [0, 'ok']);
  });

  test('says who has the port, and the port it proposes is free', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { code, of } = await runDoctor(['--set', `exporters.prometheus.port=${port}`]);
    server.close();
    const { verdict, reason, cure = '' } = of('exporters.prometheus');
    assert.deepEqual([code, verdict], [1, 'fail']);
    assert.match(
      reason,
      new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: node.* \\(pid ${process.pid}\\) does$`),
    );
    const proposed = /(--set) (exporters\.prometheus\.port=\d+)/.exec(cure)?.slice(1) ?? [];
    const cured = await runDoctor(proposed);
    assert.deepEqual([cured.code, cured.of('exporters.prometheus').verdict], [0, 'ok']);
  });

  test('works beside a Floatie that runs, and does not disturb it', async () => {
    await using floatie = await startFloatie();
    const before = (await floatie.scrape()).select('floatie_probe_attached');
    const { code, of } = await runDoctor(['--set', `exporters.prometheus.port=${new URL(floatie.url).port}`]);
    assert.equal(code, 1);
    assert.match(of('exporters.prometheus').reason, new RegExp(`main\\.js \\(pid ${floatie.process.pid}\\) does`));
    assert.deepEqual((await floatie.scrape()).select('floatie_probe_attached'), before);
  });

  test('leaves nothing behind', async () => {
    const left = (): object => ({
      programs: readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).includes('bpf')),
      mounts: readFileSync('/proc/self/mountinfo', 'utf8').match(/^.*(securityfs|\/floatie-).*$/gm),
      events: eventsOf('/sys/kernel/tracing/kprobe_events'),
      folders: readdirSync('/dev/shm').filter((name) => name.startsWith('floatie-')),
    });
    const before = left();
    const checks = await diagnose(loadConfig({ env: {}, set: ['exporters.prometheus.port=0'] }));
    assert.equal(checks.at(-1)?.verdict, 'ok');
    assert.deepEqual(left(), before);
  });

  test('says of tracefs that is not mounted how to mount it', async () => {
    const { code, of } = await runDoctor(undefined, { after: BARE });
    assert.equal(code, 0);
    const { reason, cure } = of('overlayfs.syscall_classic');
    assert.match(reason, /tracefs.* is not mounted/);
    const cured = await runDoctor(undefined, { after: `${BARE}; ${commandIn(cure)}` });
    assert.equal(cured.of('overlayfs.syscall_classic').verdict, 'ok');
  });

  test('says of securityfs that it cannot see how to mount it', async () => {
    const by = withOnly('bpf', 'perfmon');
    const { of } = await runDoctor(undefined, { after: BARE, by });
    assert.equal(of('lockdown').verdict, 'unknown');
    const cured = await runDoctor(undefined, { after: `${BARE}; ${commandIn(of('lockdown').cure)}`, by });
    assert.notEqual(cured.of('security_modules').verdict, 'unknown');
    assert.notEqual(cured.of('lockdown').verdict, 'unknown');
  });
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

function eventsOf(path: string): string[] {
  return existsSync(path) ? (readFileSync(path, 'utf8').match(/:floatie\/\S+/g) ?? []) : [];
}
