import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { exchange } from './connections.ts';
import { PIPELINED, requestsOf } from './siege.ts';

suite('the clients of a siege', () => {
  /** The requests that a server finds in this text: path, and whether it has a password. */
  async function requestsIn(text: string): Promise<(readonly [path: string | undefined, hasPassword: boolean])[]> {
    const found: (readonly [string | undefined, boolean])[] = [];
    await using server = createServer(({ url, headers }, response) => {
      found.push([url, headers.authorization !== undefined]);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const last = 'GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    await exchange(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, text + last);
    return found.slice(0, -1);
  }

  for (const [who, knows] of [
    ['the password', true],
    ['no password', false],
  ] as const) {
    test(`that know ${who} ask once for the metrics, or many times at once for the records`, async () => {
      const { slow, pipelined } = requestsOf(knows);
      assert.deepEqual(await requestsIn(slow), [['/metrics', knows]]);
      assert.deepEqual(await requestsIn(pipelined), Array(PIPELINED).fill(['/oom', knows]));
    });
  }
});
