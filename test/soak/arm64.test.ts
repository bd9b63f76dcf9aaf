/** The single executable on an arm64 kernel, in QEMU: minutes by emulation. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseMetrics } from '../support/metrics-text.ts';
import { folder, peer } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const GUEST_MS = 15 * 60_000;
const QEMU = [
  ...['-M', 'virt', '-cpu', 'max,pauth-impdef=on', '-accel', 'tcg,thread=multi', '-smp', '2', '-m', '1536'],
  ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
  ...['-append', 'console=ttyAMA0 panic=-1 quiet'],
];

test('on arm64 the single executable counts a cgroup’s reads and writes, where its time went and its OOM kill', {
  skip: missing('root'),
}, (context) => {
  const guest = peer('arm64-guest');
  execFileSync('npm', ['run', '--silent', 'build:single', '--', 'arm64'], { cwd: ROOT, stdio: 'ignore' });
  using home = folder();
  const root = join(home.path, 'root');
  cpSync(join(guest, 'root'), root, { recursive: true });
  copyFileSync(join(ROOT, 'dist/floatie-arm64'), join(root, 'bin/floatie'));
  copyFileSync(join(import.meta.dirname, '../fixtures/arm64-init'), join(root, 'init'));
  execFileSync('sh', ['-c', 'chmod +x init && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >../initrd'], {
    cwd: root,
  });
  const boot = ['-kernel', join(guest, 'vmlinuz'), '-initrd', join(home.path, 'initrd')];
  const output = execFileSync('qemu-system-aarch64', [...QEMU, ...boot], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: GUEST_MS,
  }).replaceAll('\r', '');

  const checks = output.split('\n').filter((line) => /^doctor: (ok|warn|fail)/.test(line));
  for (const check of checks) context.diagnostic(check);
  assert.ok(checks.length > 20 && checks.every((check) => check.startsWith('doctor: ok')), output);
  assert.match(output, /^doctor: ok +programs +compiled for arm64$/m);
  const samples = output.split('\n').filter((line) => line.startsWith('floatie_'));
  const metrics = parseMetrics(samples.join('\n'));
  const shop = { cgroup: '/shop' };
  assert.equal(metrics.sum('floatie_overlayfs_write_latency_us_count', shop), 500);
  assert.equal(metrics.sum('floatie_overlayfs_read_latency_us_count', shop), 500);
  assert.equal(metrics.sum('floatie_overlayfs_bytes_total', { ...shop, op: 'write' }), 500 * 4096);
  assert.ok(metrics.sum('floatie_overlayfs_wait_seconds_total', shop) > 0);
  assert.equal(metrics.sum('floatie_oom_kills_total', { ...shop, victim_comm: 'dd', scope: 'memcg' }), 1);
  assert.equal(metrics.sum('floatie_probe_misses_total'), 0);
  assert.match(output, /^floatie ended with 0$/m);
});
