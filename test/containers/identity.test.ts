import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { identify } from '../../src/containers/identity.ts';

const ID = `${'3f4a9c0b1d2e'.repeat(5)}abcd`;
const OTHER = '0123456789abcdef'.repeat(4);
const POD = '2a1d8a5e-6f0c-4f3b-9f51-5f5a0f6f2f11';
const SLICE = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice`;

suite('a container is known by its cgroup', () => {
  const rows: [string, string][] = [
    ['docker, cgroupfs driver', `/docker/${ID}`],
    ['docker, systemd driver', `/system.slice/docker-${ID}.scope`],
    ['containerd in Kubernetes, cgroupfs driver', `/kubepods/burstable/pod${POD}/${ID}`],
    ['containerd in Kubernetes, systemd driver', `${SLICE}/cri-containerd-${ID}.scope`],
    [
      'containerd whose cgroup path was not taken apart by systemd',
      `/system.slice/containerd.service/kubepods-besteffort-pod${POD}.slice:cri-containerd:${ID}`,
    ],
    ['cri-o, systemd driver', `${SLICE}/crio-${ID}.scope`],
    ['cri-o, cgroupfs driver', `/kubepods/besteffort/pod${POD}/crio-${ID}`],
    ['podman, systemd driver', `/machine.slice/libpod-${ID}.scope`],
    ['podman, the cgroup its processes are in', `/machine.slice/libpod-${ID}.scope/container`],
    ['podman without root', `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`],
    ['podman, cgroupfs driver', `/libpod_parent/libpod-${ID}`],
    ['systemd inside a container', `/docker/${ID}/system.slice/nginx.service`],
    ['a container inside a container is the inner one', `/docker/${OTHER}/docker/${ID}`],
  ];
  for (const [name, path] of rows) {
    test(name, () => assert.deepEqual(identify(path), { cgroup: path, containerId: ID }));
  }
});

suite('what is no container keeps its cgroup only', () => {
  const rows: [string, string][] = [
    ['the root', '/'],
    ['a service', '/system.slice/ssh.service'],
    ['a session of a user', '/user.slice/user-1000.slice/session-3.scope'],
    ['a pod without its container', `/kubepods/burstable/pod${POD}`],
    ['63 digits', `/docker/${ID.slice(1)}`],
    ['65 digits', `/docker/a${ID}`],
    ['capital letters', `/docker/${ID.toUpperCase()}`],
    ['a name that goes on after the digits', `/docker/${ID}.service`],
  ];
  for (const [name, path] of rows) test(name, () => assert.deepEqual(identify(path), { cgroup: path }));
});

test('a cgroup that was gone before it could be named is called unknown', () => {
  assert.deepEqual(identify(null), { cgroup: 'unknown' });
});
