/** The container image, built from the Dockerfile on a base made here, and run by a real container runtime. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { freePort } from '../support/peers.ts';
import { BASE, podman, podmanEnv, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const IMAGE = 'localhost/floatie';

suite('the container image', { skip: missing('root', 'btf') }, () => {
  before(() => {
    const env = podmanEnv();
    // Where this machine reaches the registries through certificates of its own, npm in the build must know them.
    const certificates = existsSync(CERTIFICATES)
      ? ['-v', `${CERTIFICATES}:/run/certificates.crt:ro`, '--build-arg', 'NODE_EXTRA_CA_CERTS=/run/certificates.crt']
      : [];
    const bases = ['--build-arg', `BUILD_IMAGE=${BASE}`, '--build-arg', `RUNTIME_IMAGE=${BASE}`];
    const how = ['--format', 'docker', '--isolation', 'chroot', '--network', 'host', '--layers', '--quiet'];
    execFileSync('buildah', ['bud', ...how, ...certificates, ...bases, '-t', IMAGE, ROOT], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  });

  after(() => podman('image', 'prune', '-f'));

  test('shows the four metrics of the host and of another container', async () => {
    await using floatie = await startImage('--cap-add', 'SYS_ADMIN', '--cap-add', 'SYSLOG', '--device', '/dev/kmsg');
    const script =
      'dd if=/dev/zero of=/f bs=4096 count=5000 status=none; dd if=/f of=/dev/null bs=4096 status=none; tail /dev/zero; sleep 60';
    using other = startContainer('-m', '64m', '--network=none', BASE, 'sh', '-c', script);
    const labels = { container_id: other.id };
    const metrics = await eventually(
      'the kill in the other container is counted',
      async () => {
        const now = await floatie.scrape();
        return now.sum('floatie_oom_kills_total', labels) === 1 && now;
      },
      20_000,
    );
    assert.equal(metrics.sum('floatie_overlayfs_write_latency_us_count', labels), 5000);
    // The shell and the loader read as well.
    assert.ok(metrics.sum('floatie_overlayfs_read_latency_us_count', labels) >= 5000);
    assert.equal(metrics.sum('floatie_oom_kills_total', { ...labels, victim_comm: 'tail', scope: 'memcg' }), 1);
    const scored = await eventually('the container has a score', async () => {
      const now = await floatie.scrape();
      return now.select('floatie_memory_pressure_score', labels).length === 1 && now;
    });
    assert.equal(scored.select('floatie_memory_pressure_score', { scope: 'host' }).length, 1);
  });

  test('measures with the two least capabilities, where seccomp lets bpf() through', async () => {
    const least = ['--cap-drop', 'ALL', '--cap-add', 'BPF', '--cap-add', 'PERFMON'];
    await using floatie = await startImage(...least, '--security-opt', 'seccomp=unconfined', '--read-only');
    using other = startContainer('--network=none', BASE, 'dd', 'if=/dev/zero', 'of=/f', 'bs=4096', 'count=500');
    const labels = { container_id: other.id };
    await eventually('the writes of the other container are counted', async () => {
      return (await floatie.scrape()).sum('floatie_overlayfs_write_latency_us_count', labels) === 500;
    });
    const attached = (await floatie.scrape()).select('floatie_probe_attached');
    assert.deepEqual(
      attached.map(({ labels, value }) => [labels.probe, value]),
      [
        ['overlayfs', 1],
        ['oom', 1],
        ['pressure', 1],
      ],
    );
  });

  async function startImage(...args: string[]): Promise<AsyncDisposable & { scrape(): Promise<Metrics> }> {
    const port = await freePort();
    const mounts = ['-v', '/sys/fs/cgroup:/sys/fs/cgroup:ro', '-e', `FLOATIE_EXPORTERS_PROMETHEUS_PORT=${port}`];
    const flags = ['--pid-ns-inum', '0', '--max-map-entries', '1024'];
    const container = startContainer('--network=host', '--pid=host', ...args, ...mounts, IMAGE, ...flags);
    const scrape = async (): Promise<Metrics> => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      return parseMetrics(await response.text());
    };
    try {
      await eventually('it is ready', () =>
        fetch(`http://127.0.0.1:${port}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
    } catch (error) {
      const log = podman('logs', container.id);
      container[Symbol.dispose]();
      throw new Error(`${(error as Error).message}\n${log}`);
    }
    return {
      scrape,
      async [Symbol.asyncDispose]() {
        container[Symbol.dispose]();
      },
    };
  }
});
