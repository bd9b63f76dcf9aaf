import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fullNameOf, isCalled, nameOf } from '../../src/page/names.ts';

const ID = 'c0ffee00'.repeat(8);
const APP = {
  container_id: ID,
  cgroup: `/kubepods/pod1/${ID}`,
  container_name: 'app',
  k8s_pod_name: 'checkout-x2x5q',
  k8s_namespace_name: 'shop',
};

suite('a container', () => {
  test('of a pod is named as kubectl has it', () => {
    assert.equal(fullNameOf(APP), 'shop/checkout-x2x5q/app');
  });

  test('without a pod has its own name', () => {
    assert.equal(fullNameOf({ container_id: ID, container_name: 'web-1' }), 'web-1');
  });

  test('has the name that people use, else the short id, else the cgroup', () => {
    assert.equal(nameOf({ container_name: 'web', container_id: ID, cgroup: '/a' }), 'web');
    assert.equal(nameOf({ container_id: ID, cgroup: '/a' }), 'c0ffee00c0ff');
    assert.equal(nameOf({ container_id: 'vm-1', cgroup: '/a' }), 'vm-1');
    assert.equal(nameOf({ cgroup: '/system.slice/a.service' }), '/system.slice/a.service');
  });

  const names = ['app', 'checkout-x2x5q', 'shop/checkout-x2x5q', 'checkout-x2x5q/app', 'shop/checkout-x2x5q/app'];
  for (const name of [...names, ID, ID.slice(0, 12), APP.cgroup]) {
    test(`is found by ${name}`, () => assert.ok(isCalled(APP, name)));
  }

  for (const name of ['checkout', 'c0ffee', 'shop', 'shop/app', 'undefined/undefined']) {
    test(`is not found by ${name}`, () => assert.ok(!isCalled(APP, name)));
  }

  test('without a pod is not found by what it lacks', () => {
    assert.ok(!isCalled({ container_id: ID, container_name: 'web-1' }, 'undefined/undefined'));
    assert.ok(!isCalled({ container_id: ID, container_name: 'web-1' }, 'undefined/web-1'));
  });
});
