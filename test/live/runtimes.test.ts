/** Ids and names of containers as real runtimes make and keep them, each where it keeps its files. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { runDoctor } from '../support/doctor.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { podmanEnv } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';
import { asUser, createMachine, floatieIn, type Machine, USER } from '../support/runtimes.ts';

const IMAGE = 'registry.example:5000/tiny';
const WRITE = ['sh', '-c', 'dd if=/dev/zero of=/f bs=4096 count=100; sleep 600'];
const USERS_CGROUP = `/user.slice/user-${USER.uid}.slice/user@${USER.uid}.service`;
const NAMES = ['--set', 'containers.names=true'];

suite('of real containers Floatie tells id and name', { skip: missing('root', 'btf', 'pressure') }, () => {
  let machine: Machine;
  let floatie: Floatie;

  before(async () => {
    machine = await createMachine();
    machine.run('sh', '-c', `tar -C ${machine.rootfs} -cf /run/rootfs.tar .`);
    await Promise.all([
      startDocker('docker', 'overlay2', '/var/lib/docker'),
      startDocker('elsewhere', 'vfs', '/run/data'),
      startContainerd('k3s', '/run/k3s/containerd'),
    ]);
    floatie = await startFloatie(NAMES, { command: floatieIn(machine) });
  });

  after(async () => {
    await floatie?.[Symbol.asyncDispose]();
    await machine?.[Symbol.asyncDispose]();
  });

  test('with docker', async () => {
    const id = docker('docker', 'run', '--detach', '--name', 'web', '--network=none', `${IMAGE}:1`, ...WRITE);
    const labels = await labelsOf(`/docker/${id}`);
    assert.deepEqual(labels, { container_id: id, container_name: 'web', container_image_name: IMAGE });
    await eventually('what it wrote is counted by its name', async () => {
      const metrics = await floatie.scrape();
      return metrics.sum('floatie_overlayfs_write_latency_us_count', { container_name: 'web' }) === 100;
    });
  });

  test('with docker whose data root is elsewhere, as its command line says', async () => {
    const id = docker('elsewhere', 'run', '--detach', '--name', 'far', '--network=none', `${IMAGE}:1`, ...WRITE);
    const labels = await labelsOf(`/docker/${id}`);
    assert.deepEqual(labels, { container_id: id, container_name: 'far', container_image_name: IMAGE });
  });

  test('with BuildKit, whose steps have ids alone', async () => {
    machine.run('sh', '-c', `mkdir /run/build && printf 'FROM ${IMAGE}:1\\nRUN sleep 600\\n' >/run/build/Dockerfile`);
    const build = machine.start(
      'env',
      'DOCKER_BUILDKIT=1',
      ...dockerAt('docker'),
      'build',
      '--network=host',
      '/run/build',
    );
    const labels = await labelsOf(/^\/docker\/buildkit\/[0-9a-z]{25}$/);
    build.kill();
    assert.deepEqual(Object.keys(labels), ['container_id']);
    assert.match(labels.container_id ?? '', /^[0-9a-z]{25}$/);
  });

  for (const [namespace, name] of [
    ['default', 'my.web-1'],
    ['shop', 'till_2'],
  ] as const) {
    test(`with ctr of the containerd of k3s, in the namespace ${namespace}`, async () => {
      ctr(namespace, 'run', '--detach', '--rootfs', machine.rootfs, name, '/bin/sleep', '600');
      const labels = await labelsOf(`/${namespace}/${name}`);
      assert.deepEqual(labels, { container_id: name, container_name: name });
    });
  }

  test('with podman', async () => {
    const run = ['run', '--detach', '--ulimit=host', '--name=box', '--network=none', '--cgroup-parent=/floatie-box'];
    podman('import', '--quiet', '/run/rootfs.tar', 'localhost/tiny');
    const id = podman(...run, 'localhost/tiny', 'sleep', '600');
    const labels = await labelsOf(`/floatie-box/libpod-${id}`);
    assert.deepEqual(labels, { container_id: id, container_name: 'box', container_image_name: 'localhost/tiny' });
  });

  test('with podman without root, on another storage driver than overlay', async () => {
    const run = ['run', '--detach', '--name=mine', '--network=none', `--cgroup-parent=${USERS_CGROUP}/pods`];
    userPodman('import', '--quiet', '/run/rootfs.tar', 'localhost/mine');
    const id = userPodman(...run, 'localhost/mine', '/bin/sleep', '600');
    const labels = await labelsOf(`${USERS_CGROUP}/pods/libpod-${id}`);
    assert.deepEqual(labels, { container_id: id, container_name: 'mine', container_image_name: 'localhost/mine' });
  });

  test('with LXC', async () => {
    startLxc('floatie.test');
    const labels = await labelsOf('/lxc.payload.floatie.test');
    assert.deepEqual(labels, { container_id: 'floatie.test', container_name: 'floatie.test' });
  });

  test('with systemd-nspawn in the unit that systemd would name so', async () => {
    // There is no systemd to make the unit; the name of its cgroup, and what is below, are systemd's.
    const unit = machine.run('systemd-escape', '--template=systemd-nspawn@.service', 'wäb-1');
    assert.equal(unit, 'systemd-nspawn@w\\xc3\\xa4b\\x2d1.service');
    const nspawn = ['systemd-nspawn', '--register=no', '--keep-unit', '--quiet', '-D', '/run/nspawn', '-M', 'web-1'];
    machine.run('cp', '-a', machine.rootfs, '/run/nspawn');
    machine.start('sh', '-c', inCgroup(`/machine.slice/${unit}`), 'sh', ...nspawn, '/bin/sleep', '600');
    const labels = await labelsOf(`/machine.slice/${unit}`);
    assert.deepEqual(labels, { container_id: 'wäb-1', container_name: 'wäb-1' });
  });

  test('with podman by fuse-overlayfs, of which no operation is seen', { skip: missing('fuse') }, async () => {
    const program = machine.run('sh', '-c', 'command -v fuse-overlayfs');
    const fused = ['--root=/run/fused', '--runroot=/run/fused-run', `--storage-opt=overlay.mount_program=${program}`];
    const run = ['run', '--detach', '--ulimit=host', '--name=fused', '--network=none', '--cgroup-parent=/floatie-box'];
    podman('--storage-driver=overlay', ...fused, 'import', '--quiet', '/run/rootfs.tar', 'localhost/tiny');
    const id = podman('--storage-driver=overlay', ...fused, ...run, 'localhost/tiny', ...WRITE);
    // Nobody has said where its files are.
    assert.deepEqual(await labelsOf(`/floatie-box/libpod-${id}`), { container_id: id });
    const { of } = await runDoctor(['--set', 'exporters.prometheus.port=0'], { by: machine.enter });
    assert.equal(of('storage_drivers').verdict, 'warn');
    assert.match(
      of('storage_drivers').reason,
      /1 on fuse\.fuse-overlayfs.*: the overlayfs receiver does not see their I\/O/,
    );
    assert.equal((await floatie.scrape()).sum('floatie_overlayfs_write_latency_us_count', { container_id: id }), 0);
  });

  test('and "floatie doctor" where it looked, what it found, and what it does not see', async () => {
    const { of } = await runDoctor(['--set', 'exporters.prometheus.port=0', ...NAMES], { by: machine.enter });
    const docker = of('names.docker');
    assert.equal(docker.verdict, 'ok');
    assert.match(docker.reason, /\/var\/lib\/docker \(1 container, storage driver overlay2\)/);
    assert.match(docker.reason, /\/run\/data \(1 container, storage driver vfs, named by dockerd \(pid \d+\)\)/);
    assert.match(docker.reason, /nothing at .*\/home\/\*\/\.local\/share\/docker/);
    assert.match(of('names.containerd').reason, /\/run\/k3s\/containerd \(2 containers\)/);
    assert.match(of('names.storage').reason, /\/var\/lib\/containers\/storage \(1 container, storage driver overlay\)/);
    assert.match(of('names.storage').reason, /floatie-user\/.*\(1 container, storage driver vfs\)/);
    const drivers = of('storage_drivers');
    assert.equal(drivers.verdict, 'warn');
    // Docker's and podman's; a build that is just ending, or what else runs on this machine, may be among them.
    const [, count = 0] = /^(\d+) running containers are on overlayfs; .*\d on tmpfs/.exec(drivers.reason) ?? [];
    assert.ok(Number(count) >= 2, drivers.reason);
    assert.match(drivers.reason, /\/run\/data has the storage driver vfs/);
  });

  /** Of the container whose cgroup this is, without the cgroup, once it is found. */
  async function labelsOf(cgroup: string | RegExp): Promise<Record<string, string>> {
    const isIt = (name = ''): boolean => (typeof cgroup === 'string' ? name === cgroup : cgroup.test(name));
    return eventually(`the container ${cgroup} is found`, async () => {
      const series = (await floatie.scrape()).select('floatie_memory_pressure_score');
      const found = series.find(({ labels }) => isIt(labels.cgroup));
      if (found === undefined) return undefined;
      const { cgroup: _, scope: __, ...labels } = found.labels;
      return labels;
    });
  }

  async function startDocker(name: string, driver: string, root: string): Promise<void> {
    const files = ['--exec-root', `/run/${name}`, '--pidfile', `/run/${name}.pid`, '-H', `unix:///run/${name}.sock`];
    const network = ['--shutdown-timeout=1', '--bridge=none', '--iptables=false', '--ip6tables=false'];
    // The usual root is not told, as usual.
    const data = root === '/var/lib/docker' ? [] : ['--data-root', root];
    machine.start('dockerd', ...files, ...network, ...data, `--storage-driver=${driver}`);
    await eventually(`dockerd ${name} answers`, () => machine.tryRun(...dockerAt(name), 'info').status === 0);
    docker(name, 'import', '/run/rootfs.tar', `${IMAGE}:1`);
  }

  function dockerAt(name: string): string[] {
    return ['docker', '-H', `unix:///run/${name}.sock`];
  }

  function docker(name: string, ...args: string[]): string {
    return machine.run(...dockerAt(name), ...args);
  }

  async function startContainerd(name: string, state: string): Promise<void> {
    const config = `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\nroot = "/run/${name}/root"\n`;
    machine.run('sh', '-c', 'mkdir -p "$1" && printf %s "$2" >"$1/config.toml"', 'sh', `/run/${name}`, config);
    machine.start('containerd', '--config', `/run/${name}/config.toml`, '--state', state, '--address', `${state}.sock`);
    const asks = ['ctr', '--address', '/run/k3s/containerd.sock', 'version'];
    await eventually('containerd answers', () => machine.tryRun(...asks).status === 0);
  }

  function ctr(namespace: string, ...args: string[]): string {
    return machine.run('ctr', '--address', '/run/k3s/containerd.sock', '--namespace', namespace, ...args);
  }

  function podman(...args: string[]): string {
    const { CONTAINERS_CONF = '' } = podmanEnv();
    return machine.run('env', `CONTAINERS_CONF=${CONTAINERS_CONF}`, 'podman', ...args);
  }

  function userPodman(...args: string[]): string {
    return asUser(machine, USERS_CGROUP, 'podman', '--storage-driver=vfs', ...args);
  }

  function startLxc(name: string): void {
    const config = `
lxc.rootfs.path = dir:${machine.rootfs}
lxc.rootfs.mount = /run/lxc-root
lxc.net.0.type = none
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:mixed
lxc.init.cmd = /bin/sleep 600
lxc.autodev = 0
`;
    machine.run(
      'sh',
      '-c',
      'mkdir -p /run/lxc-root "$1" && printf %s "$2" >"$1/config"',
      'sh',
      `/run/lxcs/${name}`,
      config,
    );
    machine.run('lxc-start', '--lxcpath=/run/lxcs', '--name', name);
  }

  /** For a shell: goes there in every hierarchy that Floatie may take, and runs what follows. */
  function inCgroup(path: string): string {
    const { mount } = findHierarchy();
    const mounts = [...new Set([mount, '/sys/fs/cgroup/unified'])];
    const enter = mounts.map((each) => `mkdir -p '${each}${path}' && echo $$ >'${each}${path}/cgroup.procs'`);
    return `${enter.join(' && ')} && exec "$@"`;
  }
});
