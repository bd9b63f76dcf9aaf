/** The single executable on arm64 kernels, in QEMU, by each way to attach that they have: minutes by emulation. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createCollector, type Point } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { parseMetrics } from '../support/metrics-text.ts';
import { folder, peer } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GUEST_MS = 20 * 60_000;
const QEMU = [
  ...['-M', 'virt', '-cpu', 'max,pauth-impdef=on', '-accel', 'tcg,thread=multi', '-smp', '2', '-m', '1536'],
  ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
  ...['-append', 'console=ttyAMA0 panic=-1 quiet'],
];
/** Suites of Debian, and the ways to attach that their kernels have. */
const KERNELS: readonly (readonly [suite: string, ways: readonly string[]])[] = [
  ['bookworm', ['kprobe', 'syscall']],
  ['sid', ['fentry', 'kprobe', 'syscall']],
];
const [CALLS, BYTES] = [500, 4096];
/** Of test/fixtures/reads-arm.c. */
const CALLS_OF_32_BITS = 300;

for (const [name, ways] of KERNELS) {
  suite(`on an arm64 kernel of Debian ${name} the single executable`, { skip: missing('root') }, () => {
    let output: string;
    before(() => {
      output = outputOf(peer('arm64-guest', name));
    });

    /** The guest's lines about something. */
    const about = (what: string): string[] =>
      output.split('\n').flatMap((line) => (line.startsWith(`${what}: `) ? [line.slice(what.length + 2)] : []));

    const metricsBy = (way: string) => parseMetrics(about(`${way} metrics`).join('\n'));

    test('finds these ways to attach exact, and nothing wrong', (context) => {
      const checks = about('doctor').filter((line) => /^(ok|warn|fail)/.test(line));
      for (const check of checks) context.diagnostic(check);
      assert.ok(checks.length > 20 && checks.every((check) => check.startsWith('ok')), output);
      assert.ok(checks.some((check) => /^ok +programs +compiled for arm64$/.test(check)));
      const exact = checks.flatMap((check) => /^ok +overlayfs\.(\w+) .*counted/.exec(check)?.[1] ?? []);
      assert.deepEqual(exact, [...ways, 'syscall_classic']);
    });

    for (const way of ways) {
      test(`counts reads and writes by ${way}, those of a 32-bit program too`, () => {
        const metrics = metricsBy(way);
        for (const op of ['write', 'read']) {
          assert.equal(metrics.sum(`floatie_overlayfs_${op}_latency_us_count`, { cgroup: `/${way}` }), CALLS);
          assert.equal(metrics.sum('floatie_overlayfs_bytes_total', { cgroup: `/${way}`, op }), CALLS * BYTES);
        }
        assert.equal(metrics.sum('floatie_overlayfs_sync_latency_us_count', { cgroup: `/${way}` }), 1);
        assert.equal(
          metrics.sum('floatie_overlayfs_read_latency_us_count', { cgroup: `/${way}-32bit` }),
          CALLS_OF_32_BITS,
        );
        assert.equal(metrics.sum('floatie_probe_misses_total'), 0);
        assert.deepEqual(about(`${way} end`), ['0']);
      });

      test(`tells by ${way} that a write waited for a CPU, and where all of its time went`, () => {
        const metrics = metricsBy(way);
        const cgroup = `/${way}-waits`;
        const waited = (labels: object): number =>
          metrics.sum('floatie_overlayfs_wait_seconds_total', { cgroup, ...labels });
        assert.ok(waited({ op: 'write', cause: 'runqueue' }) > 0);
        const us = metrics.sum('floatie_overlayfs_write_latency_us_sum', { cgroup });
        assert.ok(Math.abs(waited({ op: 'write' }) * 1e6 - us) < 1, `${waited({ op: 'write' })} s of ${us} µs`);
      });

      test(`counts an OOM kill beside ${way}`, () => {
        const labels = { cgroup: `/${way}-oom`, victim_comm: 'dd', scope: 'memcg' };
        assert.equal(metricsBy(way).sum('floatie_oom_kills_total', labels), 1);
      });

      test(`exports the same to a collector by ${way}`, async () => {
        await using collector = await createCollector();
        await collector.start();
        const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
        const body = Buffer.from(about(`${way} otlp`).join(''), 'base64');
        const { status } = await fetch(`${collector.httpEndpoint}/v1/metrics`, { method: 'POST', headers, body });
        assert.equal(status, 200);
        const points = await eventually('the collector has the export', () => {
          const all = collector.exports().flatMap(({ points }) => points);
          return all.length > 0 && all;
        });
        const sum = (metric: string): number =>
          points
            .filter(({ name, attributes }: Point) => name === metric && isOf(way, attributes.cgroup))
            .reduce((sum, { value }) => sum + value, 0);
        assert.deepEqual(
          ['floatie_overlayfs_read_latency_us', 'floatie_overlayfs_write_latency_us', 'floatie_oom_kills_total'].map(
            sum,
          ),
          [CALLS + CALLS_OF_32_BITS, CALLS + 1, 1],
        );
      });
    }
  });
}

function isOf(way: string, cgroup = ''): boolean {
  return cgroup === `/${way}` || cgroup.startsWith(`/${way}-`);
}

/** What the guest writes to its console until it is off. */
function outputOf(guest: string): string {
  execFileSync('npm', ['run', '--silent', 'build:single', '--', 'arm64'], { cwd: ROOT, stdio: 'ignore' });
  using home = folder();
  const root = join(home.path, 'root');
  cpSync(join(guest, 'root'), root, { recursive: true });
  copyFileSync(join(ROOT, 'dist/floatie-arm64'), join(root, 'bin/floatie'));
  copyFileSync(join(import.meta.dirname, '../fixtures/arm64-init'), join(root, 'init'));
  const object = join(home.path, 'reads-arm.o');
  const flags = ['--target=armv7a-linux-gnueabihf', '-marm', '-O2', '-Wall', '-Werror', '-ffreestanding', '-c'];
  execFileSync('clang', [...flags, '-o', object, join(import.meta.dirname, '../fixtures/reads-arm.c')]);
  execFileSync('arm-linux-gnueabihf-ld', ['-o', join(root, 'bin/reads-arm'), object]);
  execFileSync('sh', ['-c', 'chmod +x init && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >../initrd'], {
    cwd: root,
  });
  const boot = ['-kernel', join(guest, 'vmlinuz'), '-initrd', join(home.path, 'initrd')];
  return execFileSync('qemu-system-aarch64', [...QEMU, ...boot], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: GUEST_MS,
    maxBuffer: 64 << 20,
  }).replaceAll('\r', '');
}
