/** The container image, built from the Dockerfile on a base made here, and run by a real container runtime. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { dockerRuns, startPublished } from '../support/docker-run.ts';
import { eventually } from '../support/eventually.ts';
import { buildImage, IMAGE, REVISION } from '../support/image.ts';
import type { Metrics } from '../support/metrics-text.ts';
import { BASE, podman, runPodman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const NODE = '/opt/floatie/bin/node';
/** linux/capability.h */
const PERFMON = 1n << 38n;
const BPF = 1n << 39n;

const [full = [], least = []] = dockerRuns('README.md');
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

suite('the container image', { skip: missing('root', 'btf') }, () => {
  before(() => buildImage());

  test('run as the README says, shows the four metrics of the host, of another container and of itself', async () => {
    // With a limit, so that it can run out of memory as well, and with what tells the scope of kills anywhere.
    using floatie = await startPublished(full, '-m', '512m', '--device', '/dev/kmsg', '--cap-add', 'SYSLOG');
    using other = startContainer('-m', '64m', '--network=none', BASE, 'sh', '-c', OVERLAY_THEN_MEMORY);
    const [theirs, own] = [{ container_id: other.id }, { container_id: floatie.id }];
    const kills = async (labels: object): Promise<Metrics | false> => {
      const metrics = await floatie.scrape();
      return metrics.sum('floatie_oom_kills_total', { ...labels }) === 1 && metrics;
    };
    const metrics = await eventually('the kill in the other container is counted', () => kills(theirs));
    assert.equal(metrics.sum('floatie_overlayfs_write_latency_us_count', theirs), 5000);
    // The shell and the loader read as well.
    assert.ok(metrics.sum('floatie_overlayfs_read_latency_us_count', theirs) >= 5000);
    assert.equal(metrics.sum('floatie_oom_kills_total', { ...theirs, victim_comm: 'tail', scope: 'memcg' }), 1);

    const write = 'const f = fs.openSync("/f", "w"); for (let i = 0; i < 300; i++) fs.writeSync(f, "x")';
    podman('exec', '--user', '0', floatie.id, NODE, '-e', write);
    const hog = 'const taken = []; for (;;) taken.push(Buffer.alloc(1e7, 1))';
    assert.equal(runPodman('exec', floatie.id, NODE, '-e', hog).status, 137, 'the hog is killed');
    const after = await eventually('the kill in its own container is counted', () => kills(own));
    assert.equal(after.sum('floatie_overlayfs_write_latency_us_count', own), 300);
    assert.ok(after.sum('floatie_overlayfs_read_latency_us_count', own) > 0);

    await eventually('both have a score', async () => {
      const scored = await floatie.scrape();
      return [theirs, own].every((labels) => scored.select('floatie_memory_pressure_score', labels).length === 1);
    });
    assert.equal(after.select('floatie_memory_pressure_score', { scope: 'host' }).length, 1);

    const [check] = JSON.parse(podman('image', 'inspect', '--format', '[{{json .HealthCheck.Test}}]', IMAGE));
    assert.equal(check.shift(), 'CMD');
    podman('exec', floatie.id, ...check);
    const begin = performance.now();
    podman('stop', floatie.id);
    assert.ok(performance.now() - begin < 8000, 'it stops when it is told to, and is not killed after 10 s');
  });

  const ways = {
    'as a user': [],
    'as root without new privileges': ['--user', '0', '--security-opt', 'no-new-privileges'],
  };
  for (const [name, args] of Object.entries(ways)) {
    test(`measures with the two least capabilities, ${name}, under the seccomp profile`, async () => {
      using floatie = await startPublished(least, ...args);
      const status = readFileSync(
        `/proc/${podman('inspect', '--format', '{{.State.Pid}}', floatie.id)}/status`,
        'utf8',
      );
      assert.equal(BigInt(`0x${/^CapEff:\s*(\S+)/m.exec(status)?.[1]}`), BPF | PERFMON);
      assert.equal(/^Uid:\s*(\d+)/m.exec(status)?.[1], args.length === 0 ? '65532' : '0');
      using other = startContainer('--network=none', BASE, 'dd', 'if=/dev/zero', 'of=/f', 'bs=4096', 'count=500');
      await eventually('the writes of the other container are counted', async () => {
        const metrics = await floatie.scrape();
        return metrics.sum('floatie_overlayfs_write_latency_us_count', { container_id: other.id }) === 500;
      });
      const attached = (await floatie.scrape()).select('floatie_probe_attached', {});
      assert.deepEqual(
        attached.map(({ labels, value }) => [labels.probe, value]),
        [
          ['overlayfs', 1],
          ['oom', 1],
          ['kills', 1],
          ['pressure', 1],
          ['reclaim', 1],
        ],
      );
    });
  }

  test('without capabilities says which it lacks, and still validates', () => {
    const { status, stderr } = runPodman('run', '--rm', '--ulimit', 'host', '--network=none', '--cap-drop=ALL', IMAGE);
    assert.equal(status, 1);
    assert.match(stderr, /lacks CAP_BPF and CAP_PERFMON .*--cap-add BPF --cap-add PERFMON/);
    podman('run', '--rm', '--ulimit', 'host', '--network=none', '--cap-drop=ALL', IMAGE, 'validate');
  });

  test('passes on the variables that Floatie reads, and none that lets Node or the loader run code', async () => {
    const given = {
      FLOATIE_SERVICE_TELEMETRY_LOG_FORMAT: 'json',
      OTEL_SERVICE_NAME: 'floatie',
      K8S_NODE_NAME: 'node-1',
      TOKEN: 'secret',
      NODE_OPTIONS: '--require=/no/such/code.js',
      NODE_V8_COVERAGE: '/tmp',
      NODE_COMPILE_CACHE: '/tmp',
      OPENSSL_CONF: '/no/such/openssl.cnf',
      LD_PRELOAD: '/no/such/code.so',
      FLOATIE_ENV: 'TOKEN,NODE_OPTIONS,LD_PRELOAD',
    };
    const variables = Object.entries(given).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    using floatie = await startPublished(least, ...variables);
    const pid = podman('inspect', '--format', '{{.State.Pid}}', floatie.id);
    const passed = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
    assert.deepEqual(passed.map((variable) => variable.split('=')[0]).sort(), [
      ...['FLOATIE_SERVICE_TELEMETRY_LOG_FORMAT', 'K8S_NODE_NAME', 'OTEL_SERVICE_NAME', 'TOKEN'],
    ]);
  });

  test('gives its capabilities to root and to its own user, and to nobody else', () => {
    const run = ['run', '--rm', '--ulimit', 'host', '--network=none'];
    const { status, stderr } = runPodman(...run, '--user', '1000:1000', IMAGE, '--version');
    assert.notEqual(status, 0);
    assert.match(stderr, /permission denied/i);
    podman(...run, '--user', '0', IMAGE, '--version');
    podman(...run, IMAGE, '--version');
  });

  test('is small, and labelled with what it is', () => {
    const [{ Size, Labels }] = JSON.parse(podman('image', 'inspect', IMAGE));
    assert.ok(Size < 140e6, `${Size} bytes`);
    assert.equal(Labels['org.opencontainers.image.version'], version);
    assert.equal(Labels['org.opencontainers.image.revision'], REVISION);
    assert.equal(Labels['org.opencontainers.image.licenses'], 'GPL-3.0-only');
  });
});

const OVERLAY_THEN_MEMORY =
  'dd if=/dev/zero of=/f bs=4096 count=5000 status=none; dd if=/f of=/dev/null bs=4096 status=none; tail /dev/zero; sleep 60';
