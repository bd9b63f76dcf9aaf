/** Clients that take what they can, at the port of a real Floatie: it lives, and a scraper is answered. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { connectionsTo, exchange, GET } from '../support/connections.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { killTenAtOnce, limit } from '../support/oom.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';
import { untilDropped } from '../support/watchers.ts';

/** What is tried here is the port: this needs no privilege. */
const PRESSURE_ONLY = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];

function dropped(floatie: Floatie): (reason: string) => Promise<number> {
  return async (reason) => (await floatie.scrape()).sum('floatie_http_dropped_total', { reason });
}

suite('connections that ask for nothing', () => {
  for (const [what, text] of [
    ['never asked', ''],
    ['have their answer', GET('/healthz')],
  ] as const) {
    test(`give way to a scraper, the one that was idle for longest first, when 2,100 ${what}`, async () => {
      await using floatie = await startFloatie(PRESSURE_ONLY);
      using idle = connectionsTo(floatie.url);
      const first = await idle.open(text);
      if (text !== '') await once(first, 'data');
      const isClosed = once(first.resume(), 'close');
      for (let batch = 0; batch < 21; batch++) await Promise.all(Array.from({ length: 100 }, () => idle.open(text)));
      await isClosed;
      assert.ok((await dropped(floatie)('idle')) >= 100);
      assert.ok(floatie.log.some(({ message }) => message.startsWith('Connections to the port take too much: ')));
    });
  }

  test('are no more than the limit of descriptors allows, with room for what Floatie opens itself', async () => {
    const command = ['prlimit', '--nofile=300:300', process.execPath, MAIN];
    await using floatie = await startFloatie(PRESSURE_ONLY, { command });
    using idle = connectionsTo(floatie.url);
    for (let batch = 0; batch < 10; batch++) await Promise.all(Array.from({ length: 50 }, () => idle.open()));
    const metrics = await floatie.scrape();
    assert.ok(metrics.sum('process_open_fds') < 300 - 64, `${metrics.sum('process_open_fds')} of 300`);
    assert.ok(metrics.sum('floatie_http_dropped_total', { reason: 'idle' }) >= 300);
    assert.equal(await floatie.stop(), 0);
  });
});

suite('requests that are sent all at once', () => {
  test('are answered one after the other', async () => {
    await using floatie = await startFloatie(PRESSURE_ONLY);
    const paths = Array.from({ length: 300 }, (_, at) => ['/healthz', '/oom?limit=1', '/nowhere'][at % 3] ?? '');
    const last = GET('/healthz').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const answers = await exchange(floatie.url, paths.map(GET).join('') + last);
    const statuses = Array.from(answers.matchAll(/^HTTP\/1\.1 (\d+) /gm), ([, status]) => Number(status));
    assert.deepEqual(statuses, [...paths.map((path) => (path === '/nowhere' ? 404 : 200)), 200]);
  });

  test('2,000 for the records of OOM kills, by each of five clients that read none, do not exhaust its memory', {
    skip: missing('root', 'btf'),
  }, async () => {
    const command = [process.execPath, '--max-old-space-size=96', MAIN];
    await using floatie = await startFloatie([], { command });
    for (let round = 0; round < 8; round++) await killTenAtOnce('recorded');
    const records = async (): Promise<unknown[]> =>
      ((await (await fetch(new URL('/oom', floatie.url))).json()) as { records: unknown[] }).records;
    await eventually('it has 80 records', async () => (await records()).length >= 80);
    using greedy = connectionsTo(floatie.url);
    await Promise.all(Array.from({ length: 5 }, () => greedy.open(GET('/oom').repeat(2000))));
    for (let scrapes = 0; scrapes < 20; scrapes++) await floatie.scrape();
    assert.ok((await records()).length >= 80);
    assert.equal(await floatie.stop(), 0);
  });
});

test('a client that reads nothing of its answers is disconnected within half a minute, and counted', async () => {
  await using floatie = await startFloatie([...PRESSURE_ONLY, '--set', 'exporters.prometheus.timeout_ms=100']);
  const ms = await untilDropped(floatie);
  assert.ok(ms < 30_000, `${ms} ms`);
});

suite('answers that nobody reads', { skip: missing('root') }, () => {
  test('one more for each of 60 connections, on a node of 500 containers, do not fill its 256 MB', async () => {
    await using limited = createCgroup('readers');
    limit(limited, 256);
    const [program, args] = limited.wrap(process.execPath, MAIN);
    const containers: Cgroup[] = [];
    try {
      for (let at = 0; at < 500; at++) {
        const container = createCgroup('', `libpod-${id(at)}.scope`);
        containers.push(container);
        limit(container, 64);
      }
      // As large as what 500 containers with histograms have: their headroom, many times over.
      const views = Array.from({ length: 80 }, (_, at) => ({
        selector: { instrument_name: 'floatie_memory_headroom_bytes' },
        stream: { name: `floatie_memory_headroom_${at}_bytes` },
      }));
      const floatie = await startFloatie([...PRESSURE_ONLY, '--set', `views=${JSON.stringify(views)}`], {
        command: [program, ...args],
      });
      try {
        const body = async (): Promise<number> => (await (await fetch(floatie.url)).text()).length;
        await eventually('it shows them', async () => (await body()) > 8e6);
        using slow = connectionsTo(floatie.url);
        for (let at = 0; at < 60; at++) {
          const socket = await slow.open(GET('/metrics'));
          await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
          assert.ok(
            floatie.process.exitCode === null && floatie.process.signalCode === null,
            `it is killed after ${at}`,
          );
        }
        assert.ok((await body()) > 8e6);
      } finally {
        await floatie.stop('SIGKILL');
      }
    } finally {
      for (const container of containers) await container.remove();
    }
  });
});

suite('wrong passwords', () => {
  /** The status of a scrape from this address of the machine itself. */
  async function scrapeFrom(url: string, localAddress: string, password: string): Promise<number | undefined> {
    const agent = new Agent({ keepAlive: false });
    const sent = request(url, { localAddress, agent, auth: `prometheus:${password}` }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode;
  }

  test('of 24 clients that guess on and on keep nobody waiting who asks from another address', async () => {
    using home = folder({ 'web.yml': `basic_auth_users: {prometheus: ${bcrypt.hashSync('secret', 10)}}` });
    const file = join(home.path, 'web.yml');
    await using floatie = await startFloatie([
      ...PRESSURE_ONLY,
      '--set',
      `exporters.prometheus.web_config_file=${file}`,
    ]);
    let isOver = false;
    let refused = 0;
    const guess = async (client: number): Promise<void> => {
      for (let at = 0; !isOver; at++) {
        if ((await scrapeFrom(floatie.url, '127.0.0.1', `guess ${client} ${at}`)) === 503) refused++;
      }
    };
    const guessing = Promise.all(Array.from({ length: 24 }, (_, client) => guess(client)));
    try {
      await eventually('their guesses are too many', () => refused > 100);
      assert.equal(await scrapeFrom(floatie.url, '127.0.0.2', 'secret'), 200);
    } finally {
      isOver = true;
      await guessing;
    }
  });

  test('may not cost more than the machine has: validate refuses a hash of such a cost', async () => {
    const hash = `$2y$16$${'a'.repeat(53)}`;
    using home = folder({ 'web.yml': `basic_auth_users: {prometheus: "${hash}"}` });
    const args = ['validate', '--set', `exporters.prometheus.web_config_file=${join(home.path, 'web.yml')}`];
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /basic_auth_users\.prometheus: its cost is 16, and must be 4 to 15/);
    assert.doesNotMatch(stderr, /aaaa/);
  });
});

/** 64 hexadecimal digits, as the ids of containers have. */
function id(at: number): string {
  return `c11e275${process.pid.toString(16)}`.padEnd(48, '0') + at.toString(16).padStart(16, '0');
}
