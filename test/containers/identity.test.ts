import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { identify } from '../../src/containers/identity.ts';

const ID = `${'3f4a9c0b1d2e'.repeat(5)}abcd`;

suite('what is no container keeps its cgroup only', () => {
  const rows: [string, string][] = [
    ['the root', '/'],
    ['a service', '/system.slice/ssh.service'],
    ['a session of a user', '/user.slice/user-1000.slice/session-3.scope'],
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
