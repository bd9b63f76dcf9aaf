import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLoopback, networkOf } from '../../../src/exporters/prometheus/address.ts';

suite('what somebody has one of', () => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [undefined, 'unix'],
  ] as const) {
    test(`of ${address} is ${network}`, () => assert.equal(networkOf(address), network));
  }
});

suite('loopback', () => {
  for (const [address, expected] of [
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['::ffff:127.0.0.1', true],
    ['::1', true],
    ['192.0.2.127', false],
    ['2001:db8::1', false],
    ['::ffff:192.0.2.1', false],
    [undefined, false],
  ] as const) {
    test(`${expected ? 'is' : 'is not'} ${address}`, () => assert.equal(isLoopback(address), expected));
  }
});
