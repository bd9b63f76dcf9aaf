/** What the port of a real Floatie does with requests as no well-behaved client sends them. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { startFloatie } from '../support/floatie.ts';

/** Nothing that needs a privilege: what is tried here is the port alone. */
const ARGS = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];

/** All that is answered to this text, until the other side closes. */
async function exchange(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(text);
  return Buffer.concat(await Array.fromAsync(socket)).toString();
}

suite('a request in the absolute form, as it is sent to a proxy', () => {
  for (const [target, status, what] of [
    ['http://node.example:9090/metrics', 200, /^floatie_build_info/m],
    ['http://node.example:9090/metrics?collect=all', 200, /^floatie_build_info/m],
    ['HTTP://node.example/healthz', 200, /^ok$/m],
    ['http://node.example/oom', 200, /"records"/],
    ['http://node.example', 200, /<h1>Floatie<\/h1>/],
    ['http://node.example//metrics', 404, /Nothing is here/],
    ['http://node.example/metrics/', 404, /Nothing is here/],
    ['//metrics', 404, /Nothing is here/],
  ] as const) {
    test(`for ${target} is answered by ${status}, like one in the origin form`, async () => {
      await using floatie = await startFloatie(ARGS);
      const answer = await exchange(
        floatie.url,
        `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, what);
    });
  }

  test('by HEAD has the headers alone', async () => {
    await using floatie = await startFloatie(ARGS);
    const answer = await exchange(
      floatie.url,
      'HEAD http://node.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s);
  });
});
