/** What the port of a real Floatie does with requests as no well-behaved client sends them. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { suite, test } from 'node:test';
import { exchange } from '../support/connections.ts';
import { startFloatie } from '../support/floatie.ts';

/** Nothing that needs a privilege: what is tried here is the port alone. */
const ARGS = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];

suite('a request in the absolute form, as it is sent to a proxy', () => {
  for (const [target, status, what] of [
    ['http://node.example:9090/metrics', 200, /^floatie_build_info/m],
    ['http://node.example:9090/metrics?collect=all', 200, /^floatie_build_info/m],
    ['HTTP://node.example/healthz', 200, /^ok$/m],
    ['http://node.example/oom', 200, /"records"/],
    ['http://node.example', 200, /<h1>Floatie<\/h1>/],
    ['http://node.example//metrics', 404, /Nothing is here/],
    ['http://node.example/metrics/', 200, /^floatie_build_info/m],
    ['/metrics/', 200, /^floatie_build_info/m],
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

suite('a page whose name points to this machine', () => {
  const ask = (url: string, host: string, target = '/oom'): Promise<string> =>
    exchange(url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  for (const path of ['/oom', '/metrics', '/readyz', '/']) {
    test(`cannot read ${path} by way of a browser`, async () => {
      await using floatie = await startFloatie(ARGS);
      const answer = await ask(floatie.url, 'rebound.example:9090', path);
      assert.match(answer, /^HTTP\/1\.1 403 .*exporters\.prometheus\.allowed_hosts/s);
      assert.doesNotMatch(answer, /records|floatie_|probes/);
    });
  }

  test('can where the configuration allows its name', async () => {
    await using floatie = await startFloatie([...ARGS, '--set', 'exporters.prometheus.allowed_hosts=[metrics.*]']);
    assert.match(await ask(floatie.url, 'metrics.example'), /^HTTP\/1\.1 200 /);
    assert.match(await ask(floatie.url, 'rebound.example'), /^HTTP\/1\.1 403 /);
  });

  for (const host of ['localhost', '127.0.0.1:9090', '[::1]']) {
    test(`is not taken for it by who asks for ${host}`, async () => {
      await using floatie = await startFloatie(ARGS);
      assert.match(await ask(floatie.url, host), /^HTTP\/1\.1 200 /);
    });
  }

  const [own] = Object.values(networkInterfaces()).flatMap((some) =>
    (some ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
  );
  const skip = own === undefined && 'this machine has no network';
  test('is not who asks over the network, by whatever name a service has', { skip }, async () => {
    await using floatie = await startFloatie([...ARGS, '--set', 'exporters.prometheus.host=0.0.0.0']);
    const url = new URL(floatie.url);
    url.hostname = own?.address ?? '';
    assert.match(await ask(url.href, 'floatie.monitoring.svc'), /^HTTP\/1\.1 200 /);
  });
});
