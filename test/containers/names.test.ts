import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs, { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Identity, Names, Runtime } from '../../src/containers/identity.ts';
import { RuntimeFiles } from '../../src/containers/names.ts';
import { findPlaces, type PlaceSettings } from '../../src/containers/places.ts';

const ID = '0123456789abcdef'.repeat(4);
/** A cgroup of whoever runs this test: its files name only what its user has made. */
const UID = process.getuid?.() ?? 0;
const MINE = UID === 0 ? '/' : `/user.slice/user-${UID}.slice/user@${UID}.service/docker-${ID}.scope`;

let root: string;
let places: PlaceSettings;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'floatie-names-'));
  places = {
    docker: [join(root, 'docker')],
    containerd: [join(root, 'containerd')],
    storage: [join(root, 'lib'), join(root, 'run')],
  };
});

afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

function namesOf(runtime?: Runtime, containerId = ID): Names {
  const identity: Identity = { cgroup: MINE, containerId, ...(runtime === undefined ? {} : { runtime }) };
  return new RuntimeFiles(places).namesOf(identity);
}

suite('names are read', () => {
  test('of docker', () => {
    write(`docker/containers/${ID}/config.v2.json`, { Name: '/web', Config: { Image: 'nginx:1.27', Labels: {} } });
    assert.deepEqual(namesOf('docker'), { containerName: 'web', imageName: 'nginx' });
  });

  test('of docker under Kubernetes', () => {
    const Labels = {
      'io.kubernetes.container.name': 'consume',
      'io.kubernetes.pod.name': 'consume-577cd986c7-8mk4h',
      'io.kubernetes.pod.namespace': 'default',
    };
    write(`docker/containers/${ID}/config.v2.json`, { Name: '/k8s_consume_consume-577cd986c7', Config: { Labels } });
    assert.deepEqual(namesOf('docker'), {
      containerName: 'consume',
      podName: 'consume-577cd986c7-8mk4h',
      podNamespace: 'default',
    });
  });

  test('of containerd under Kubernetes', () => {
    write('containerd/io.containerd.runtime.v2.task/default/other/config.json', {});
    write(`containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`, {
      annotations: {
        'io.kubernetes.cri.container-name': 'coredns',
        'io.kubernetes.cri.container-type': 'container',
        'io.kubernetes.cri.image-name': 'registry.k8s.io:443/coredns/coredns:v1.11.1@sha256:abc',
        'io.kubernetes.cri.sandbox-name': 'coredns-7db6d8ff4d-x2x5q',
        'io.kubernetes.cri.sandbox-namespace': 'kube-system',
      },
    });
    assert.deepEqual(namesOf('containerd'), {
      containerName: 'coredns',
      imageName: 'registry.k8s.io:443/coredns/coredns',
      podName: 'coredns-7db6d8ff4d-x2x5q',
      podNamespace: 'kube-system',
    });
  });

  test('of nerdctl', () => {
    write(`containerd/io.containerd.runtime.v2.task/default/${ID}/config.json`, {
      annotations: { 'nerdctl/name': 'nginx' },
    });
    assert.deepEqual(namesOf('containerd'), { containerName: 'nginx' });
  });

  test('of cri-o, whose list has another name for it', () => {
    const metadata = JSON.stringify({ 'image-name': 'x', name: 'k8s_coredns_coredns-6d4b75cb6d-4mtdm_kube-system' });
    write('lib/overlay-containers/containers.json', [{ id: ID, metadata }]);
    write(`run/overlay-containers/${ID}/userdata/config.json`, {
      annotations: {
        'io.container.manager': 'cri-o',
        'io.kubernetes.container.name': 'coredns',
        'io.kubernetes.cri-o.ImageName': 'k8s.gcr.io/coredns/coredns:v1.8.6',
        'io.kubernetes.pod.name': 'coredns-6d4b75cb6d-4mtdm',
        'io.kubernetes.pod.namespace': 'kube-system',
      },
    });
    assert.deepEqual(namesOf('cri-o'), {
      containerName: 'coredns',
      imageName: 'k8s.gcr.io/coredns/coredns',
      podName: 'coredns-6d4b75cb6d-4mtdm',
      podNamespace: 'kube-system',
    });
  });

  for (const list of ['containers.json', 'volatile-containers.json']) {
    test(`of podman, from ${list}`, () => {
      const metadata = JSON.stringify({
        'image-name': 'localhost/floatie-base:latest',
        'image-id': 'dc1a',
        name: 'web',
      });
      write(`lib/overlay-containers/${list}`, [{ id: 'another' }, { id: ID, names: ['web'], metadata }]);
      write(`lib/overlay-containers/${ID}/userdata/config.json`, {
        annotations: { 'io.container.manager': 'libpod', 'io.podman.annotations.init': 'FALSE' },
      });
      assert.deepEqual(namesOf('podman'), { containerName: 'web', imageName: 'localhost/floatie-base' });
    });
  }

  test('wherever they are, where the path does not say whose container it is', () => {
    write(`containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`, {
      annotations: { 'io.kubernetes.cri.sandbox-name': 'pod' },
    });
    assert.deepEqual(namesOf(), { podName: 'pod' });
  });

  test('of LXC and systemd-nspawn from the path', () => {
    assert.deepEqual(namesOf('lxc', 'mail'), { containerName: 'mail' });
    assert.deepEqual(namesOf('systemd-nspawn', 'web-01'), { containerName: 'web-01' });
  });

  test('of ctr, in any namespace, by what it is called', () => {
    write('containerd/io.containerd.runtime.v2.task/shop/till_2/config.json', {});
    const files = new RuntimeFiles(places);
    const identity = { containerId: 'till_2', runtime: 'containerd', names: { containerName: 'till_2' } } as const;
    assert.deepEqual(files.identify('/shop/till_2'), { cgroup: '/shop/till_2', ...identity });
    assert.deepEqual(files.identify('/shop/till_3'), { cgroup: '/shop/till_3' });
    // A namespace that has come since is known as well.
    write('containerd/io.containerd.runtime.v2.task/new/till_2/config.json', {});
    assert.deepEqual(files.identify('/new/till_2'), { cgroup: '/new/till_2', ...identity });
  });

  test('of a task of Nomad from the path; of BuildKit and Apptainer there are none', () => {
    assert.deepEqual(namesOf('nomad', 'e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.my.task'), { containerName: 'my.task' });
    assert.deepEqual(namesOf('buildkit', 'xpps4dwxe4l1zrmq4rutaa65j'), {});
    assert.deepEqual(namesOf('apptainer', '196219'), {});
  });

  test('of docker whose users are others, below a folder called after the first', () => {
    write(`docker/165536.165536/containers/${ID}/config.v2.json`, { Name: '/web' });
    assert.deepEqual(namesOf('docker'), { containerName: 'web' });
  });

  test('of podman on any storage driver', () => {
    const metadata = JSON.stringify({ name: 'web' });
    write('lib/vfs-containers/containers.json', [{ id: ID, metadata }]);
    assert.deepEqual(namesOf('podman'), { containerName: 'web' });
  });

  test('into the identity', () => {
    write(`docker/containers/${ID}/config.v2.json`, { Name: '/web' });
    const files = new RuntimeFiles(places);
    const cgroup = UID === 0 ? `/docker/${ID}` : MINE;
    assert.deepEqual(files.identify(cgroup).names, { containerName: 'web' });
    assert.equal('names' in files.identify('/system.slice'), false);
  });
});

suite('a container keeps the names that it was first found with', () => {
  const file = `docker/containers/${ID}/config.v2.json`;
  const cgroup = UID === 0 ? `/docker/${ID}` : MINE;

  test('after it is renamed, and in cgroups below its own', () => {
    const files = new RuntimeFiles(places);
    write(file, { Name: '/web' });
    assert.equal(files.identify(cgroup).names?.containerName, 'web');
    write(file, { Name: '/renamed' });
    for (const path of [cgroup, `${cgroup}/init`]) {
      assert.equal(files.identify(path).names?.containerName, 'web');
    }
  });

  test('also none, for a while, so that nobody has files read again by making cgroups', () => {
    const files = new RuntimeFiles(places);
    assert.equal(files.identify(cgroup).names, undefined);
    write(file, { Name: '/web' });
    assert.equal(files.identify(`${cgroup}/init`).names, undefined);
  });

  test('which are those of a list that has changed since another container was found', () => {
    const files = new RuntimeFiles(places);
    const other = 'fedcba9876543210'.repeat(4);
    const entry = (id: string, name: string) => ({ id, metadata: JSON.stringify({ name }) });
    const scopes = MINE === '/' ? '/machine.slice' : dirname(MINE);
    const pathOf = (id: string): string => `${scopes}/libpod-${id}.scope`;
    write('lib/overlay-containers/containers.json', [entry(ID, 'web')]);
    assert.equal(files.identify(pathOf(ID)).names?.containerName, 'web');
    write('lib/overlay-containers/containers.json', [entry(ID, 'web'), entry(other, 'db')]);
    assert.equal(files.identify(pathOf(other)).names?.containerName, 'db');
  });

  test('with or without that of its image', () => {
    const files = new RuntimeFiles(places);
    write(file, { Name: '/web', Config: { Image: 'nginx:1' } });
    assert.deepEqual(files.identify(cgroup, { withImage: false }).names, { containerName: 'web' });
    assert.deepEqual(files.identify(cgroup).names, { containerName: 'web', imageName: 'nginx' });
  });
});

suite('there are no names', () => {
  const file = `docker/containers/${ID}/config.v2.json`;
  const rows: [string, () => void][] = [
    ['without a file', () => {}],
    ['in what is no JSON', () => write(file, '{')],
    ['in JSON of another shape', () => write(file, [1])],
    ['in names that are no texts', () => write(file, { Name: { a: 1 }, Config: { Image: 7, Labels: 'x' } })],
    ['in empty names', () => write(file, { Name: '', Config: { Image: '' } })],
    ['in a file that is too large', () => write(file, JSON.stringify({ Name: '/web', x: 'x'.repeat(1 << 20) }))],
    [
      'behind a symbolic link',
      () => {
        write('elsewhere', { Name: '/web' });
        mkdirSync(join(root, 'docker', 'containers', ID), { recursive: true });
        symlinkSync(join(root, 'elsewhere'), join(root, file));
      },
    ],
    [
      'in a pipe, which nobody waits for',
      () => {
        mkdirSync(join(root, 'docker', 'containers', ID), { recursive: true });
        execFileSync('mkfifo', [join(root, file)]);
      },
    ],
  ];
  for (const [name, prepare] of rows) {
    test(name, () => {
      prepare();
      assert.deepEqual(namesOf('docker'), {});
    });
  }

  test('by an id that leads elsewhere', () => {
    write('docker/secret/config.v2.json', { Name: '/web' });
    assert.deepEqual(namesOf('docker', '../secret'), {});
  });

  test('of what is no container', () => assert.deepEqual(new RuntimeFiles(places).namesOf({ cgroup: '/' }), {}));
});

test('a name is cut where Kubernetes’ longest end, and is valid text', () => {
  write(`docker/containers/${ID}/config.v2.json`, { Name: `/${'x'.repeat(300)}`, Config: { Image: 'a\ud800b' } });
  const { containerName, imageName } = namesOf('docker');
  assert.deepEqual([containerName?.length, imageName], [252, 'a\ufffdb']);
});

test('containers-storage.conf says where cri-o and podman keep theirs', () => {
  const rootless = 'rootless_storage_path = "$HOME/.containers"\n';
  write(
    'storage.conf',
    `[storage]\ndriver = "overlay"\n# graphroot = "/no"\ngraphroot = "/data/containers"\n${rootless}`,
  );
  const from = join(root, 'storage.conf');
  const places = findPlaces({ docker: [], containerd: [], storage: [] }, from);
  assert.deepEqual(
    places.filter(({ kind }) => kind === 'storage'),
    [
      { kind: 'storage', path: '/data/containers', from },
      { kind: 'storage', path: '/home/*/.containers', from },
    ],
  );
});

test('folders that are not there are not looked for again for each of a thousand containers', (context) => {
  const files = new RuntimeFiles(places);
  const { mock } = context.mock.method(fs, 'openSync');
  syncBuiltinESMExports();
  context.after(() => {
    mock.restore();
    syncBuiltinESMExports();
  });
  for (let number = 0; number < 1000; number++) {
    files.identify(`/${number.toString(16).padStart(64, '0')}`);
  }
  assert.equal(mock.callCount() < 1000, true, `${mock.callCount()} folders were opened`);
});
