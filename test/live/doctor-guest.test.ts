/** `floatie doctor` on another kernel, in a machine of its own, where every cure can be tried. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { suite, test } from 'node:test';
import type { Check } from '../../src/commands/doctor/check.ts';
import { diagnose } from '../../src/commands/doctor.ts';
import { loadConfig } from '../../src/config/load.ts';
import { METHODS } from '../../src/receivers/overlayfs-probes.ts';
import { runDoctor, withOnly } from '../support/doctor.ts';
import { missing } from '../support/requirements.ts';

const takesLockedMemory = /^5\.([0-9]|10)\./.test(release());
const unlimited = takesLockedMemory ? ['prlimit', '--memlock=unlimited'] : [];
const isLockedDown = process.env.TEST_LOCKED !== undefined;

/** In this process, since others take long to start here. */
async function look(...set: string[]): Promise<(name: string) => Check> {
  const checks = await diagnose(loadConfig({ env: {}, set: ['exporters.prometheus.port=0', ...set] }));
  return (name) => {
    const check = checks.find((check) => check.name === name);
    assert.ok(check, name);
    return check;
  };
}

function sh(command: string): void {
  execFileSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** What a shell would run of a cure: the part before those for containers and the like. */
function follow({ cure = '' }: Check): void {
  sh(cure.split(/[;:] /)[0] ?? '');
}

suite('floatie doctor on another kernel', { skip: missing('guest', 'root', 'btf') || isLockedDown }, () => {
  test('as root', async (context) => {
    const of = await look();
    for (const name of ['btf', 'libbpf', 'programs', 'cap_bpf', 'cap_sys_resource', 'memlock', 'cgroups', 'pressure']) {
      assert.equal(of(name).verdict, 'ok', of(name).reason);
    }
    const modulesHaveBtf = existsSync('/sys/kernel/btf/overlay');
    assert.equal(of('overlay').verdict, modulesHaveBtf ? 'ok' : 'unneeded');
    assert.equal(of('overlayfs.fentry').verdict, modulesHaveBtf ? 'ok' : 'unneeded', of('overlayfs.fentry').reason);
    if (!modulesHaveBtf) assert.match(of('overlayfs.fentry').reason, /"ovl_read_iter" is not in the kernel's BTF/);
    for (const name of ['overlayfs.kprobe', 'overlayfs.syscall', 'overlayfs.syscall_classic']) {
      assert.match(of(name).reason, /counted (\d+) of \1 reads/);
    }
    // oom_kill_process is in the kernel itself, whose BTF 5.10 has.
    for (const name of ['oom.fentry', 'oom.kprobe', 'oom.tracepoint']) assert.equal(of(name).verdict, 'ok');
    context.diagnostic(`found: ${of('start').reason.replace('Floatie would start: ', '')}`);
  });

  test('with CAP_BPF and CAP_PERFMON alone, as another user', async () => {
    const { code, of } = await runDoctor(undefined, { by: [...unlimited, ...withOnly('bpf', 'perfmon')] });
    assert.equal(code, 0);
    for (const name of ['cap_bpf', 'cap_perfmon', 'oom.fentry']) assert.equal(of(name).verdict, 'ok', of(name).reason);
    assert.equal(of('cap_sys_admin').verdict, 'warn');
    // Not needed where oom_kill_process is followed.
    for (const name of ['cap_syslog', 'kernel_log']) assert.equal(of(name).verdict, 'unneeded');
    assert.match(of('overlayfs.fentry').reason, /BTF of a module.* CAP_SYS_ADMIN only/);
    assert.match(of('overlayfs.kprobe').reason, /tracefs belongs to root/);
    assert.match(of('overlayfs.syscall').reason, /^used; attached/);
  });

  test('with CAP_SYS_ADMIN as well, which it asks for', async () => {
    const by = [...unlimited, ...withOnly('bpf', 'perfmon', 'sys_admin')];
    const { of } = await runDoctor(undefined, { by });
    assert.equal(of('cap_sys_admin').verdict, 'ok');
    assert.match(of('overlayfs.syscall').reason, /counted (\d+) of \1 reads/);
    if (existsSync('/sys/kernel/btf/overlay')) assert.match(of('overlayfs.fentry').reason, /counted (\d+) of \1 reads/);
  });

  test('without any capability', async () => {
    const { code, of } = await runDoctor(undefined, { by: withOnly() });
    assert.equal(code, 1);
    for (const name of ['cap_bpf', 'cap_perfmon', 'oom.tracepoint']) assert.equal(of(name).verdict, 'fail');
    assert.match(of('start').reason, /lacks CAP_BPF and CAP_PERFMON/);
  });

  test('where locked memory is short, and after that is cured', {
    skip: !takesLockedMemory && 'not counted',
  }, async () => {
    const by = withOnly('bpf', 'perfmon');
    const { code, of } = await runDoctor(undefined, { by: ['prlimit', '--memlock=65536', ...by] });
    assert.deepEqual([code, of('memlock').verdict, of('cap_sys_resource').verdict], [1, 'fail', 'warn']);
    assert.match(of('oom.tracepoint').reason, /locked memory/);
    assert.match(of('memlock').cure ?? '', /^ulimit -l unlimited/);
    const cured = await runDoctor(undefined, { by: ['sh', '-c', 'ulimit -l unlimited; exec "$@"', 'sh', ...by] });
    assert.deepEqual([cured.code, cured.of('memlock').verdict], [0, 'ok']);
  });

  test('without the overlay module, and after it is loaded', async () => {
    sh('rmmod overlay');
    try {
      const of = await look();
      assert.equal(of('overlay').verdict, 'warn');
      for (const method of METHODS) assert.equal(of(`overlayfs.${method}`).verdict, 'unknown');
      assert.deepEqual([of('start').verdict, /overlayfs not attached/.test(of('start').reason)], ['ok', true]);
      // Nor has it loaded the module by itself.
      assert.equal(existsSync('/sys/module/overlay'), false);
      follow(of('overlay'));
      const cured = await look();
      assert.notEqual(cured('overlay').verdict, 'warn');
      assert.equal(cured('overlayfs.syscall').verdict, 'ok');
    } finally {
      sh('modprobe overlay');
    }
  });

  test('without BTF, and with it again', async () => {
    sh('mount -t tmpfs none /sys/kernel/btf');
    let of: (name: string) => Check;
    try {
      of = await look();
    } finally {
      sh('umount /sys/kernel/btf');
    }
    assert.equal(of('btf').verdict, 'fail');
    assert.match(of('start').reason, /does not describe its types/);
    assert.equal((await look())('btf').verdict, 'ok');
  });

  test('without tracefs, with one that cannot be written, and with one that can', async () => {
    const tracefs = '/sys/kernel/tracing';
    sh(`umount ${tracefs}`);
    const of = await look();
    assert.match(of('overlayfs.kprobe').reason, /^tracefs is not mounted/);
    assert.match(of('overlayfs.syscall_classic').reason, /tracefs.* is not mounted/);
    follow(of('overlayfs.kprobe'));
    sh(`mount -o remount,ro ${tracefs}`);
    const readOnly = await look();
    assert.match(readOnly('overlayfs.kprobe').reason, /^tracefs is mounted read-only/);
    assert.equal(readOnly('overlayfs.syscall_classic').verdict, 'ok');
    follow(readOnly('overlayfs.kprobe'));
    assert.equal((await look())('overlayfs.kprobe').verdict, 'ok');
  });

  test('without the compiler of BPF, where the kernel can be without', async (context) => {
    const file = '/proc/sys/net/core/bpf_jit_enable';
    try {
      writeFileSync(file, '0');
    } catch {
      return context.skip('CONFIG_BPF_JIT_ALWAYS_ON=y');
    }
    const of = await look();
    assert.equal(of('bpf_jit').verdict, 'warn');
    assert.match(of('oom.fentry').reason, /compiler of BPF is switched off/);
    follow(of('bpf_jit'));
    assert.equal((await look())('oom.fentry').verdict, 'ok');
  });

  test('with its port in use, and with the one it proposes', async () => {
    const server = createServer().listen(9090, '127.0.0.1');
    await once(server, 'listening');
    const of = await look('exporters.prometheus.port=9090');
    server.close();
    assert.equal(of('exporters.prometheus').verdict, 'fail');
    const proposed = /--set (exporters\.prometheus\.port=\d+)/.exec(of('exporters.prometheus').cure ?? '')?.[1] ?? '';
    assert.equal((await look(proposed))('exporters.prometheus').verdict, 'ok');
  });

  test('without libbpf, and with it again', async () => {
    const library = '/usr/lib/libbpf.so.1';
    renameSync(library, `${library}.away`);
    try {
      const { code, of } = await runDoctor();
      assert.deepEqual([code, of('libbpf').reason], [1, 'libbpf is not installed']);
    } finally {
      renameSync(`${library}.away`, library);
    }
    assert.equal((await runDoctor()).code, 0);
  });
});

suite('floatie doctor on a kernel that is locked down, without psi', {
  skip: missing('guest', 'root', 'btf') || !isLockedDown,
}, () => {
  test('as root', async (context) => {
    const of = await look();
    for (const name of [
      'lockdown',
      'overlayfs.fentry',
      'overlayfs.kprobe',
      'overlayfs.syscall',
      'overlayfs.syscall_classic',
      'oom.fentry',
      'oom.kprobe',
      'oom.tracepoint',
      'pressure',
      'start',
    ]) {
      context.diagnostic(`${of(name).verdict} ${name}: ${of(name).reason} → ${of(name).cure}`);
    }
    assert.match(of('lockdown').reason, /^confidentiality/);
    assert.match(of('lockdown').cure ?? '', /boot without lockdown=confidentiality/);
    assert.equal(of('pressure').verdict, 'warn');
    // The other guests are booted so, and find it.
    assert.match(of('pressure').cure ?? '', /psi=1/);
  });
});
