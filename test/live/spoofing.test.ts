/** A container that may write its cgroup, and calls cgroups of its own like those of another one. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { BASE, podmanEnv, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us_count';
const POD = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0';

suite('a container that calls its cgroups like others', { skip: missing('root', 'btf') }, () => {
  test('has all that it does told as its own, under its own name', async () => {
    const { CONTAINERS_STORAGE_CONF = '' } = podmanEnv();
    const env = { CONTAINERS_STORAGE_CONF };
    await using floatie = await startFloatie(['--set', 'containers.names=true'], { env });
    const [victimName, name] = ['victim', 'spoofer'].map((role) => `floatie-${role}-${process.pid}`);
    using victim = startContainer(`--name=${victimName}`, '--network=none', BASE, 'sleep', '600');
    const { mount, version } = findHierarchy();
    const others = [`libpod-${victim.id}`, `kubepods-pod${POD.replaceAll('-', '_')}.slice/docker-${victim.id}.scope`];
    using spoofer = startContainer(
      `--name=${name}`,
      ...['--network=none', '--cgroupns=host', `--volume=${mount}:/cgroups:rw`],
      ...[BASE, 'sh', '-c', script(version, others)],
    );
    const mine = { container_id: spoofer.id, container_name: name ?? '' };
    const metrics = await eventually('it has written 100 times in each cgroup', async () => {
      const now = await floatie.scrape();
      const done = others.map((other) => now.select(WRITES).find(({ labels }) => labels.cgroup?.endsWith(other)));
      return done.every((sample) => (sample?.value ?? 0) >= 100) && now;
    });
    assert.equal(metrics.sum(WRITES, mine), 200);
    assert.equal(metrics.sum(WRITES, { container_id: victim.id }), 0);
    assert.equal(metrics.sum(WRITES, { container_name: victimName ?? '' }), 0);
    assert.equal(metrics.sum(WRITES, { k8s_pod_uid: POD }), 0);
  });
});

/** Writes 100 times in each of these cgroups below the container's own. */
function script(version: 1 | 2, names: readonly string[]): string {
  const own = version === 1 ? 's/^[0-9]*:.*memory.*:\\///p' : 's/^0::\\///p';
  const writes = names.map(
    (name) => `
mkdir -p "$own/${name}"
sh -c 'echo $$ >"$1/cgroup.procs"; exec dd if=/dev/zero of=/f bs=1 count=100 status=none' sh "$own/${name}"`,
  );
  return `set -e; own=/cgroups/$(sed -n '${own}' /proc/self/cgroup)${writes.join('')}\nsleep 600`;
}
