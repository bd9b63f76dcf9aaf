import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { identify, isContainer } from '../../src/containers/identity.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER = 'fedcba9876543210'.repeat(4);

suite('the cgroup of a container', () => {
  const rows: string[] = [
    `/docker/${ID}`,
    `/system.slice/docker-${ID}.scope`,
    `/kubepods/burstable/pod1/${ID}`,
    `/kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope`,
    `/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:${ID}`,
    `/kubepods.slice/crio-${ID}.scope`,
    `/machine.slice/libpod-${ID}.scope`,
    `/libpod_parent/libpod-${ID}`,
    `/libpod-${ID}`,
    `/${ID}`,
  ];
  for (const path of rows) {
    test(`is ${path}`, () => assert.deepEqual([isContainer(path), identify(path).containerId], [true, ID]));
  }
});

suite('a cgroup that a container made inside is its own, whatever it is called, but not the container', () => {
  const rows: string[] = [
    `/machine.slice/libpod-${ID}.scope/container`,
    `/docker/${ID}/system.slice`,
    `/docker/${ID}/system.slice/nginx.service`,
    `/docker/${ID}/`,
    `/docker/${ID}/docker/${OTHER}`,
    `/libpod-${ID}/libpod-${OTHER}.scope`,
    `/docker/${ID}/lxc.payload.other`,
    `/docker/${ID}/system.slice/docker-${OTHER}.scope`,
  ];
  for (const path of rows) {
    test(path, () => assert.deepEqual([isContainer(path), identify(path).containerId], [false, ID]));
  }
});

suite('conmon, which watches a container from outside, is not the container', () => {
  const rows: string[] = [
    `/machine.slice/libpod-conmon-${ID}.scope`,
    `/system.slice/crio-conmon-${ID}.scope`,
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-${ID}.scope`,
    `/kubepods/besteffort/pod1/crio-conmon-${ID}`,
    '/libpod_parent/conmon',
  ];
  for (const path of rows) {
    test(path, () => assert.deepEqual([isContainer(path), identify(path)], [false, { cgroup: path }]));
  }

  test('although it runs in another container, which is that one', () => {
    const path = `/docker/${OTHER}/libpod-conmon-${ID}.scope`;
    assert.deepEqual([isContainer(path), identify(path).containerId], [false, OTHER]);
  });
});

suite('what is no container at all', () => {
  const rows: string[] = [
    '',
    '/',
    '/system.slice',
    '/system.slice/ssh.service',
    `/docker/${ID.slice(1)}`,
    `/docker/0${ID}`,
    `/docker/${ID.toUpperCase()}`,
    `/docker/${ID}.service`,
    `/docker/${ID}.scope.d`,
    `/docker/x${ID}`,
  ];
  for (const path of rows) test(`is "${path}"`, () => assert.equal(isContainer(path), false));
});
