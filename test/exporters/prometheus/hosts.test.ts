import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { suite, test } from 'node:test';
import { isOwnHost } from '../../../src/exporters/prometheus/hosts.ts';

suite('the host that a request asks for', () => {
  for (const host of [
    undefined,
    '',
    'localhost',
    'LocalHost:9090',
    'localhost.:9090',
    'app.localhost',
    '127.0.0.1:9090',
    '192.0.2.1',
    '[::1]:9090',
    '[2001:db8::1]',
    hostname(),
    `${hostname().toUpperCase()}:9090`,
    'user:password@localhost:9090',
  ]) {
    test(`${host} is this machine`, () => assert.equal(isOwnHost(host, []), true));
  }

  for (const host of [
    'rebound.example',
    'rebound.example:9090',
    'localhost.rebound.example',
    'notlocalhost',
    '127.0.0.1.rebound.example',
    'localhost@rebound.example',
    '[rebound.example]',
    'localhost:9090:x',
    'a b',
  ]) {
    test(`${host} is somebody else`, () => assert.equal(isOwnHost(host, []), false));
  }

  test('is allowed by its name, in any case, and by a pattern', () => {
    const allowed = ['Metrics.example', '*.svc.cluster.local'];
    const hosts = ['metrics.example:443', 'floatie.monitoring.svc.cluster.local', 'example'];
    assert.deepEqual(
      hosts.map((host) => isOwnHost(host, allowed)),
      [true, true, false],
    );
  });
});
