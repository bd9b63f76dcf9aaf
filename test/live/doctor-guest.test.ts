/** `floatie doctor` on another kernel, in a machine of its own, where every cure can be tried. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { suite, test } from 'node:test';
import { diagnose } from '../../src/commands/doctor.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Check } from '../../src/program/check.ts';
import { OomReceiver } from '../../src/receivers/oom/receiver.ts';
import { METHODS } from '../../src/receivers/overlayfs/probes.ts';
import { OBJECTS } from '../../src/receivers/receiver.ts';
import { runDoctor, withOnly } from '../support/doctor.ts';
import { missing } from '../support/requirements.ts';

const takesLockedMemory = /^5\.([0-9]|10)\./.test(release());
/** Linux 5.11. */
const modulesHaveBtf = existsSync('/sys/kernel/btf/overlay');
const isLockedDown = process.env.TEST_LOCKED !== undefined;

/** What goes before {@link withOnly} to set the limit of locked memory, in kB. */
function memlock(limit: string): readonly string[] {
  // By its path, since the guest's shell would take its own setpriv, which knows less.
  return ['sh', '-c', `ulimit -l ${limit} && exec /bin/"$0" "$@"`];
}

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

/** Each test breaks what the next one finds cured, since a look takes long here. */
suite('floatie doctor on another kernel', { skip: missing('guest', 'root', 'btf') || isLockedDown }, () => {
  const tracefs = '/sys/kernel/tracing';
  let port: readonly string[] = [];

  test('as root', async (context) => {
    const of = await look();
    for (const name of ['btf', 'libbpf', 'programs', 'cap_bpf', 'cap_sys_resource', 'memlock', 'cgroups', 'pressure']) {
      assert.equal(of(name).verdict, 'ok', of(name).reason);
    }
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

  test('without the overlay module and the compiler of BPF, and with its port in use', async () => {
    sh('rmmod overlay');
    const mayBeWithout = spawnSync('sysctl', ['-w', 'net.core.bpf_jit_enable=0']).status === 0;
    const server = createServer().listen(9090, '127.0.0.1');
    await once(server, 'listening');
    const of = await look('exporters.prometheus.port=9090');
    server.close();
    assert.equal(of('overlay').verdict, 'warn');
    for (const method of METHODS) assert.equal(of(`overlayfs.${method}`).verdict, 'unknown');
    // Nor has it loaded the module by itself.
    assert.equal(existsSync('/sys/module/overlay'), false);
    assert.equal(of('bpf_jit').verdict, mayBeWithout ? 'warn' : 'ok');
    assert.equal(of('exporters.prometheus').verdict, 'fail');
    follow(of('overlay'));
    if (mayBeWithout) follow(of('bpf_jit'));
    port = /(?<=--set )exporters\.prometheus\.port=\d+/.exec(of('exporters.prometheus').cure ?? '') ?? [];
    assert.notEqual(port.length, 0);
  });

  test('with these again, and without tracefs', async () => {
    sh(`umount ${tracefs}`);
    const of = await look(...port);
    assert.equal(of('overlay').verdict, modulesHaveBtf ? 'ok' : 'unneeded');
    assert.equal(of('overlayfs.syscall').verdict, 'ok');
    for (const name of ['bpf_jit', 'exporters.prometheus', 'start'])
      assert.equal(of(name).verdict, 'ok', of(name).reason);
    assert.match(of('overlayfs.kprobe').reason, /^tracefs is not mounted/);
    assert.match(of('overlayfs.syscall_classic').reason, /tracefs.* is not mounted/);
    follow(of('overlayfs.kprobe'));
  });

  test('with one that is read-only, and many programs on the OOM killer', async () => {
    sh(`mount -o remount,ro ${tracefs}`);
    const others: OomReceiver[] = [];
    const options = { pidNsInum: 0, cgroupId: 0n, cgroupVersion: 2, ringBytes: 4096, objects: OBJECTS } as const;
    let of: (name: string) => Check;
    try {
      assert.throws(() => {
        while (others.length < 30) others.push(OomReceiver.start({ ...options, methods: ['fentry'] }));
      }, /too many programs/);
      of = await look();
    } finally {
      for (const other of others) other.stop();
    }
    assert.match(of('overlayfs.kprobe').reason, /^tracefs is mounted read-only/);
    assert.equal(of('overlayfs.syscall_classic').verdict, 'ok');

    assert.match(of('oom.fentry').reason, /too many programs are attached to "oom_kill_process"/);
    follow(of('overlayfs.kprobe'));
  });

  test('without BTF', async () => {
    sh('mount -t tmpfs none /sys/kernel/btf');
    let of: (name: string) => Check;
    try {
      of = await look();
    } finally {
      sh('umount /sys/kernel/btf');
    }
    assert.equal(of('btf').verdict, 'fail');
    assert.match(of('start').reason, /does not describe its types/);
  });

  test('with all of that again', async () => {
    const of = await look();
    for (const name of ['btf', 'overlayfs.kprobe', 'oom.fentry', 'start'])
      assert.equal(of(name).verdict, 'ok', of(name).reason);
  });

  test('without libbpf', async () => {
    const library = '/usr/lib/libbpf.so.1';
    renameSync(library, `${library}.away`);
    try {
      const { code, of } = await runDoctor();
      assert.deepEqual([code, of('libbpf').reason], [1, 'libbpf is not installed']);
    } finally {
      renameSync(`${library}.away`, library);
    }
  });

  test('without any capability', async () => {
    const { code, of } = await runDoctor(undefined, { by: withOnly() });
    assert.equal(code, 1);
    for (const name of ['cap_bpf', 'cap_perfmon', 'oom.tracepoint']) assert.equal(of(name).verdict, 'fail');
    assert.match(of('start').reason, /lacks CAP_BPF and CAP_PERFMON/);
  });

  test('where locked memory is short', { skip: !takesLockedMemory && 'not counted' }, async () => {
    const { code, of } = await runDoctor(undefined, { by: [...memlock('64'), ...withOnly('bpf', 'perfmon')] });
    assert.deepEqual([code, of('memlock').verdict, of('cap_sys_resource').verdict], [1, 'fail', 'warn']);
    assert.match(of('oom.tracepoint').reason, /locked memory/);
    assert.match(of('memlock').cure ?? '', /^ulimit -l unlimited/);
  });

  test('with CAP_BPF and CAP_PERFMON alone, as another user', async () => {
    const { code, of } = await runDoctor(undefined, { by: [...memlock('unlimited'), ...withOnly('bpf', 'perfmon')] });
    assert.equal(code, 0);
    for (const name of ['cap_bpf', 'cap_perfmon', 'libbpf', 'memlock', 'oom.fentry']) {
      assert.equal(of(name).verdict, 'ok', of(name).reason);
    }
    assert.equal(of('cap_sys_admin').verdict, 'warn');
    // Not needed where oom_kill_process is followed.
    for (const name of ['cap_syslog', 'kernel_log']) assert.equal(of(name).verdict, 'unneeded');
    const unseen = modulesHaveBtf ? /BTF of modules.* CAP_SYS_ADMIN only/ : /is not in the kernel's BTF/;
    assert.match(of('overlayfs.fentry').reason, unseen);
    assert.match(of('overlayfs.kprobe').reason, /tracefs belongs to root/);
    assert.match(of('overlayfs.syscall').reason, /^used; attached/);
  });

  test('with CAP_SYS_ADMIN as well, which it asks for', async () => {
    const by = [...memlock('unlimited'), ...withOnly('bpf', 'perfmon', 'sys_admin')];
    const { of } = await runDoctor(undefined, { by });
    assert.equal(of('cap_sys_admin').verdict, 'ok');
    assert.match(of('overlayfs.syscall').reason, /counted (\d+) of \1 reads/);
    if (modulesHaveBtf) assert.match(of('overlayfs.fentry').reason, /counted (\d+) of \1 reads/);
  });
});

suite('floatie doctor on a kernel that is locked down, without psi', {
  skip: missing('guest', 'root', 'btf') || !isLockedDown,
}, () => {
  test('as root', async () => {
    const of = await look();
    assert.match(of('lockdown').reason, /^confidentiality/);
    // What reads the kernel's memory by its types alone is still allowed.
    assert.match(of('overlayfs.syscall').reason, /^used; counted (\d+) of \1 reads/);
    for (const name of ['overlayfs.fentry', 'overlayfs.kprobe', 'overlayfs.syscall_classic', 'oom.tracepoint']) {
      assert.match(of(name).reason, /locked down \(confidentiality\)/);
      // The other guests are booted without, and find these ways open.
      assert.match(of(name).cure ?? '', /^boot without lockdown=confidentiality/);
    }
    assert.equal(of('oom.tracepoint').verdict, 'warn');
    assert.equal(of('pressure').verdict, 'warn');
    // They are booted so, too.
    assert.equal(of('pressure').cure, 'boot the kernel with psi=1');
    assert.match(
      of('start').reason,
      /overlayfs by syscall, oom not attached, kills not attached, pressure not attached/,
    );
  });
});
