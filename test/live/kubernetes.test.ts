/** The manifests for Kubernetes at work: what they allow is enough, by the image and a real container runtime. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { globSync, rmdirSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { buildImage } from '../support/image.ts';
import { buildManifests, type Manifest } from '../support/manifests.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { freePort } from '../support/peers.ts';
import { NODE_NAME, podmanFlags } from '../support/pod.ts';
import { BASE, podman, runPodman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us_count';
const KILLS = 'floatie_oom_kills_total';

suite('the manifests for Kubernetes at work', { skip: missing('root', 'btf') }, () => {
  before(() => buildImage());

  for (const [under, component] of [
    ["under the runtime's seccomp profile", undefined],
    ['under its own, which the image brings', 'seccomp'],
  ] as const) {
    test(`the DaemonSet is ready, and measures the containers of pods with their names, ${under}`, async () => {
      await using floatie = await start(buildManifests('daemonset', component), 'DaemonSet');
      const uid = randomUUID();
      await using pod = startPod(uid, 'dd if=/dev/zero of=/f bs=4096 count=500 status=none; tail /dev/zero; sleep 60');
      using other = startContainer('--network=none', BASE, 'dd', 'if=/dev/zero', 'of=/f', 'bs=4096', 'count=500');
      const mine = { container_id: pod.id, k8s_pod_uid: uid };
      const metrics = await eventually(
        'the kill in the pod is counted',
        async () => {
          const now = await floatie.scrape();
          return now.sum(KILLS, { ...mine, victim_comm: 'tail' }) === 1 && now;
        },
        20_000,
      );
      assert.equal(metrics.sum(WRITES, mine), 500);
      assert.equal(metrics.select(WRITES, { container_id: other.id }).length, 0, 'what is in no pod has no series');
      assert.equal(metrics.select('target_info', { k8s_node_name: NODE_NAME }).length, 1);
      assert.deepEqual(
        metrics.select('floatie_probe_attached').map(({ labels, value }) => [labels.probe, value]),
        [
          ['overlayfs', 1],
          ['oom', 1],
          ['kills', 1],
          ['pressure', 1],
          ['reclaim', 1],
        ],
      );
      const { RestartCount, OOMKilled } = JSON.parse(podman('inspect', '--format', '{{json .State}}', floatie.id));
      assert.ok(!RestartCount && !OOMKilled);
    });

    test(`the sidecar measures its own pod and no other, ${under}`, async () => {
      const write =
        'while [ ! -e /go ]; do sleep 0.1; done; dd if=/dev/zero of=/f bs=4096 count=300 status=none; sleep 60';
      using shop = startContainer('--network=none', BASE, 'sh', '-c', write);
      // A pod with shareProcessNamespace has one PID namespace for all its containers.
      await using floatie = await start(
        buildManifests('sidecar', component),
        'Deployment',
        '--pid',
        `container:${shop.id}`,
      );
      using other = startContainer('--network=none', BASE, 'dd', 'if=/dev/zero', 'of=/f', 'bs=4096', 'count=500');
      podman('wait', other.id);
      podman('exec', shop.id, 'touch', '/go');
      const metrics = await eventually('the writes of the application are counted', async () => {
        const now = await floatie.scrape();
        return now.sum(WRITES, { container_id: shop.id }) >= 300 && now;
      });
      assert.equal(metrics.select(WRITES, { container_id: other.id }).length, 0);
    });
  }

  test('without its capabilities the DaemonSet says which it lacks', () => {
    using flags = podmanFlags(buildManifests('daemonset'), 'DaemonSet');
    const before = flags.before.filter(
      (flag, index) => flag !== '--cap-add' && flags.before[index - 1] !== '--cap-add',
    );
    const { status, stderr } = runPodman('run', '--rm', '--ulimit', 'host', ...before, ...flags.after);
    assert.equal(status, 1);
    assert.match(stderr, /lacks CAP_BPF and CAP_PERFMON/);
  });
});

/** A container in a cgroup as kubelet makes it for a pod. */
function startPod(uid: string, script: string): AsyncDisposable & { readonly id: string } {
  const parent = `kubepods-floatie-${uid}`;
  const container = startContainer(
    ...['--cgroup-parent', `/${parent}/pod${uid}`, '-m', '64m', '--network=none', BASE, 'sh', '-c', script],
  );
  return {
    id: container.id,
    async [Symbol.asyncDispose]() {
      container[Symbol.dispose]();
      // Podman's monitor leaves its cgroup a moment after the container is gone.
      await eventually('the cgroups of the pod can be removed', () => {
        const paths = globSync(`/sys/fs/cgroup/{,*/}${parent}{,/pod${uid}{,/*}}/`);
        return paths.sort().reverse().every(removed);
      });
    },
  };
}

function removed(cgroup: string): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch {
    return false;
  }
}

interface Started extends AsyncDisposable {
  readonly id: string;
  scrape(): Promise<Metrics>;
}

async function start(manifests: readonly Manifest[], kind: string, ...args: string[]): Promise<Started> {
  const port = await freePort();
  const flags = podmanFlags(manifests, kind);
  for (const words of flags.first) podman('run', '--rm', '--ulimit', 'host', '--network=none', ...words);
  const container = startContainer('-p', `127.0.0.1:${port}:9090`, ...args, ...flags.before, ...flags.after);
  const dispose = (): void => {
    container[Symbol.dispose]();
    flags[Symbol.dispose]();
  };
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  const ok = (path: string) => (): Promise<boolean> =>
    get(path).then(
      (response) => response.ok,
      () => false,
    );
  try {
    await eventually('its liveness probe passes', ok('/healthz'));
    await eventually('its readiness probe passes', ok('/readyz'));
  } catch (error) {
    const log = runPodman('logs', container.id).stderr;
    dispose();
    throw new Error(`${(error as Error).message}\n${log}`);
  }
  return {
    id: container.id,
    scrape: async () => parseMetrics(await (await get('/metrics')).text()),
    [Symbol.asyncDispose]: async () => dispose(),
  };
}
