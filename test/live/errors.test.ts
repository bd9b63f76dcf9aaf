/**
 * What the kernel, libbpf and a container refuse, forced here as far as one machine can: that the cause is the one that is
 * told. test/kernel/causes.test.ts has the whole table.
 */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { explain } from '../../src/kernel/explain.ts';
import { BpfObject } from '../../src/native/index.ts';
import { Refusal } from '../../src/program/refusal.ts';
import { OomReceiver } from '../../src/receivers/oom/receiver.ts';
import { createCgroup } from '../support/cgroup.ts';
import { withProfile } from '../support/docker-run.ts';
import { runDoctor, withOnly } from '../support/doctor.ts';
import { bpfFixture } from '../support/fixtures.ts';
import { limit } from '../support/oom.ts';
import { podmanEnv } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const OOM = fileURLToPath(new URL(`../../dist/bpf/${process.arch}/oom.bpf.o`, import.meta.url));

/** Of what a call throws. */
function causeOf(call: () => unknown): { why: string; cure: string } {
  try {
    call();
  } catch (error) {
    const explained = explain(error);
    assert.ok(explained instanceof Refusal, String(error));
    return { why: explained.why, cure: explained.cure ?? '' };
  }
  assert.fail('nothing was refused');
}

suite('a compiled program', { skip: missing('root', 'btf') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-objects-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'oom.bpf.o');
  const filter = { pidNsInum: 0, cgroupId: 0n, cgroupVersion: 2 } as const;
  const start = (): unknown =>
    OomReceiver.start({ ...filter, ringBytes: 4096, objects: folder, methods: ['tracepoint'] });

  test('that is missing is said to be so', () => {
    const { why, cure } = causeOf(start);
    assert.match(why, /is not there; there are some for x86-64 and arm64/);
    assert.match(cure, /reinstall Floatie/);
  });

  const rows: [string, () => void][] = [
    ['that is for the processor', () => copyFileSync(process.execPath, file)],
    ['whose bytes have the other order', () => writeFileSync(file, withByte(5, 2))],
    ['that is cut off', () => writeFileSync(file, readFileSync(OOM).subarray(0, 5000))],
    ['that is no program', () => writeFileSync(file, 'this is no ELF file\n'.repeat(100))],
  ];
  for (const [name, make] of rows) {
    test(`${name} is said to be none for this machine, and the right one cures that`, () => {
      make();
      const { why, cure } = causeOf(start);
      assert.match(why, /no BPF program for this architecture, or damaged/);
      assert.match(cure, /reinstall Floatie/);
      copyFileSync(OOM, file);
      OomReceiver.start({ ...filter, ringBytes: 4096, objects: folder, methods: ['tracepoint'] }).stop();
    });
  }

  function withByte(at: number, value: number): Buffer {
    const bytes = readFileSync(OOM);
    bytes[at] = value;
    return bytes;
  }
});

suite('a program that the verifier refuses', { skip: missing('root', 'btf') }, () => {
  for (const [name, why] of [
    ['unknown_helper', /^the kernel lacks a helper/],
    ['unknown_type', /^a type of this kernel is not what Floatie knows/],
    ['too_complex', /^the program is too complex/],
    ['bad_access', /^the verifier of this kernel does not accept the program/],
  ] as const) {
    test(`for its ${name} is explained`, () => {
      const object = BpfObject.open(bpfFixture('refused'));
      try {
        object.program(name).include();
        assert.match(causeOf(() => object.load()).why, why);
      } finally {
        object.close();
      }
    });
  }
});

suite('the start is refused', { skip: missing('root', 'btf') }, () => {
  test('in a user namespace, though all capabilities are there', async () => {
    const { code, of } = await runDoctor(undefined, { by: ['unshare', '--user', '--map-root-user'] });
    assert.equal(code, 1);
    for (const name of ['overlayfs.syscall', 'oom.tracepoint', 'start']) {
      assert.match(of(name).reason, /this process is in a user namespace/);
      assert.match(of(name).cure ?? '', /^start it outside/);
    }
    assert.match(of('cap_bpf').reason, /^held in a user namespace/);
  });

  test("by the seccomp filter of a container, and not by Floatie's own profile", async () => {
    const capabilities = ['--cap-drop', 'ALL', '--cap-add', 'BPF', '--cap-add', 'PERFMON'];
    const container = ['podman', 'run', '--rm', '--ulimit', 'host', '--network=host', '--pid=host', ...capabilities];
    const env = podmanEnv() as Record<string, string>;
    const { code, of } = await runDoctor(undefined, { by: [...container, '--rootfs', '/:O'], env });
    assert.deepEqual([code, of('seccomp').verdict], [1, 'fail']);
    for (const name of ['overlayfs.syscall', 'oom.tracepoint', 'start']) {
      assert.equal(of(name).reason.replace(/^Floatie would not start: /, ''), 'a seccomp filter forbids bpf()');
    }
    const option = /--security-opt seccomp=[\w./]+/.exec(of('seccomp').cure ?? '')?.[0] ?? '';
    const proposed = withProfile(option.split(' '));
    const cured = await runDoctor(undefined, { by: [...container, ...proposed, '--rootfs', '/:O'], env });
    assert.deepEqual([cured.code, cured.of('seccomp').verdict], [0, 'ok']);
    // Where podman is not told to use seccomp, more capabilities let bpf() through.
    const added = /--cap-add SYS_ADMIN/.exec(of('seccomp').cure ?? '')?.[0].split(' ') ?? [];
    const other = await runDoctor(undefined, { by: [...container, ...added, '--rootfs', '/:O'], env });
    assert.deepEqual([other.code, other.of('seccomp').verdict], [0, 'ok']);
  });

  test('by a limit of open files', async () => {
    const { code, of } = await runDoctor(undefined, { by: ['prlimit', '--nofile=24'] });
    assert.equal(code, 1);
    assert.match(of('start').reason, /too many open files/);
    assert.match(of('start').cure ?? '', /ulimit -n 1024/);
    const cured = await runDoctor(undefined, { by: ['prlimit', '--nofile=1024'] });
    assert.equal(cured.code, 0);
  });

  test('by a limit of memory', async () => {
    await using cgroup = createCgroup('maps');
    limit(cgroup, 300);
    const large = ['--set', 'exporters.prometheus.port=0', '--set', 'kernel.max_map_entries=65536'];
    const bounds = ['--set', `receivers.overlayfs.bounds_us=[${Array.from({ length: 200 }, (_, index) => index + 1)}]`];
    const [command, args] = cgroup.wrap('env');
    const by = [command, ...args];
    const only = ['--set', 'service.pipelines.metrics.receivers=[overlayfs]'];
    const { code, of } = await runDoctor([...large, ...bounds, ...only], { by });
    assert.equal(code, 1);
    assert.match(of('start').reason, /not enough memory for the maps/);
    assert.match(of('start').cure ?? '', /^lower kernel\.max_map_entries/);
    const cured = await runDoctor([...large, '--set', 'kernel.max_map_entries=1024', ...bounds, ...only], { by });
    assert.equal(cured.code, 0);
  });

  test('of CAP_PERFMON alone', async () => {
    const { of } = await runDoctor(undefined, { by: withOnly('perfmon') });
    assert.equal(of('start').reason, 'Floatie would not start: this process lacks CAP_BPF');
  });
});
