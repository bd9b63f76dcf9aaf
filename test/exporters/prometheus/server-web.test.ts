import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import bcrypt from 'bcryptjs';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { Scrapes } from '../../../src/exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint } from '../../../src/exporters/prometheus/server.ts';
import { Web } from '../../../src/exporters/prometheus/web.ts';
import { createLogger } from '../../../src/program/log.ts';
import { Records } from '../../../src/records/records.ts';
import { type Certificate, createAuthority, lacksOpenssl } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { folder } from '../../support/peers.ts';
import '../../support/unwatched-workers.ts';

const authority = createAuthority();
const stranger = createAuthority();
after(() => {
  authority[Symbol.dispose]();
  stranger[Symbol.dispose]();
});
const server = authority.issue('server');
const readable = ({ cert, key }: Certificate): string => `cert_file: ${cert}, key_file: ${key}`;
const TLS = `tls_server_config: {${readable(server)}}`;
const MUTUAL = `tls_server_config: {${readable(server)}, client_ca_file: ${authority.cert}, client_auth_type: RequireAndVerifyClientCert}`;
const users = (password: string): string => `basic_auth_users: {alice: ${bcrypt.hashSync(password, 4)}}`;

interface Answer {
  /** The status, or the code of the error. */
  readonly outcome: number | string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The name in the server's certificate. */
  readonly name?: string;
}

interface Started extends AsyncDisposable {
  readonly url: string;
  readonly log: readonly { readonly level: string; readonly message: string }[];
  ask(options?: RequestOptions): Promise<Answer>;
  write(text: string): void;
}

async function start(text: string): Promise<Started> {
  const home = folder({ 'web.yml': text });
  const file = join(home.path, 'web.yml');
  const log: { level: string; message: string }[] = [];
  const endpoint = new PrometheusEndpoint({
    host: '127.0.0.1',
    port: 0,
    web: new Web(
      file,
      createLogger('info', 'json', (line) => log.push(JSON.parse(line))),
    ),
    clients: new Clients(),
    readiness: () => ({ ready: true, probes: [] }),
    records: new Records([]),
    onError: (error) => log.push({ level: 'error', message: String(error) }),
  });
  const scrapes = new Scrapes({ timeoutMs: 10_000, producers: [], onError: () => undefined });
  endpoint.serve(scrapes);
  new MeterProvider({ readers: [scrapes.reader] });
  const url = await endpoint.start();
  return {
    url,
    log,
    ask: (options = {}) => ask(url, options),
    write(changed) {
      writeFileSync(`${file}.new`, changed);
      renameSync(`${file}.new`, file);
    },
    async [Symbol.asyncDispose]() {
      await endpoint.stop();
      home[Symbol.dispose]();
    },
  };
}

async function ask(url: string, options: RequestOptions): Promise<Answer> {
  const sent = url.startsWith('https:')
    ? request(url, { agent: new Agent({ keepAlive: false }), ca: authority.pem, ...options })
    : httpRequest(url, { agent: new HttpAgent({ keepAlive: false }), ...options });
  sent.end();
  try {
    const [response] = await once(sent, 'response');
    const peer: Partial<PeerCertificate> = (response.socket as Partial<TLSSocket>).getPeerCertificate?.() ?? {};
    await Array.fromAsync(response);
    const name = peer.subject?.CN;
    return { outcome: response.statusCode, headers: response.headers, ...(typeof name === 'string' && { name }) };
  } catch (error) {
    return { outcome: (error as NodeJS.ErrnoException).code ?? String(error), headers: {} };
  }
}

async function outcomeOf({ ask }: Started, options: RequestOptions = {}): Promise<number | string> {
  return (await ask(options)).outcome;
}

async function pairOf({ cert, key }: Certificate): Promise<{ cert: Buffer; key: Buffer }> {
  const { readFile } = await import('node:fs/promises');
  return { cert: await readFile(cert), key: await readFile(key) };
}

suite('over TLS', { skip: lacksOpenssl }, () => {
  test('the URL says so, and a scrape is answered', async () => {
    await using endpoint = await start(TLS);
    assert.match(endpoint.url, /^https:\/\/127\.0\.0\.1:\d+\/metrics$/);
    assert.equal(await outcomeOf(endpoint), 200);
  });

  test('a client that trusts another CA does not go on', async () => {
    await using endpoint = await start(TLS);
    assert.match(String(await outcomeOf(endpoint, { ca: stranger.pem })), /UNABLE_TO_VERIFY|UNABLE_TO_GET|SELF_SIGNED/);
  });

  test('nor does one for whom the certificate has expired', async () => {
    await using endpoint = await start(`tls_server_config: {${readable(authority.issue('old', { days: -1 }))}}`);
    assert.equal(await outcomeOf(endpoint), 'CERT_HAS_EXPIRED');
  });

  test('nor does one that asks another host', async () => {
    const elsewhere = authority.issue('elsewhere', { names: 'DNS:example.org' });
    await using endpoint = await start(`tls_server_config: {${readable(elsewhere)}}`);
    assert.equal(await outcomeOf(endpoint), 'ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('a version before the least is refused', async () => {
    await using endpoint = await start(TLS.replace('}', ', min_version: TLS13}'));
    assert.notEqual(await outcomeOf(endpoint, { maxVersion: 'TLSv1.2' }), 200);
    assert.equal(await outcomeOf(endpoint), 200);
  });

  test('a client that never shakes hands is gone in time, and does not hold up the stop', async () => {
    const endpoint = await start(TLS);
    const open = async () => {
      const socket = connect(Number(new URL(endpoint.url).port), '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      return socket.resume();
    };
    const first = await open();
    await eventually('it is gone', () => first.closed);
    const second = await open();
    await endpoint[Symbol.asyncDispose]();
    await eventually('it is gone', () => second.closed, 1000);
  });
});

suite('with certificates of clients', { skip: lacksOpenssl }, () => {
  test('one of their CA is let in', async () => {
    await using endpoint = await start(MUTUAL);
    assert.equal(await outcomeOf(endpoint, await pairOf(authority.issue('client'))), 200);
  });

  for (const [what, issue] of [
    ['none', () => null],
    ['one of another CA', () => stranger.issue('client')],
    ['an expired one', () => authority.issue('late', { days: -1 })],
  ] as const) {
    test(`${what} is not`, async () => {
      await using endpoint = await start(MUTUAL);
      const certificate = issue();
      const outcome = await outcomeOf(endpoint, certificate === null ? {} : await pairOf(certificate));
      assert.equal(typeof outcome, 'string', `${outcome}`);
    });
  }
});

suite('with passwords', () => {
  test('the right one is let in, however often it asks', async () => {
    await using endpoint = await start(users('secret'));
    for (let round = 0; round < 3; round++) assert.equal(await outcomeOf(endpoint, { auth: 'alice:secret' }), 200);
  });

  for (const [what, auth] of [
    ['a wrong one', 'alice:guess'],
    ['the right one of a user that is not there', 'bob:secret'],
    ['none for the user', 'alice:'],
    ['none at all', undefined],
  ] as const) {
    test(`${what} is told to give one`, async () => {
      await using endpoint = await start(users('secret'));
      const { outcome, headers } = await endpoint.ask(auth === undefined ? {} : { auth });
      assert.deepEqual([outcome, headers['www-authenticate']], [401, 'Basic']);
    });
  }

  test('what is no such header is told so, too', async () => {
    await using endpoint = await start(users('secret'));
    for (const authorization of ['Bearer abc', 'Basic', 'Basic %%%', `Basic ${btoa('alice')}`]) {
      assert.equal(await outcomeOf(endpoint, { headers: { authorization } }), 401, authorization);
    }
  });

  test('many guesses at once are refused, and hold up nobody whose password is known', async () => {
    await using endpoint = await start(`basic_auth_users: {alice: ${bcrypt.hashSync('secret', 10)}}`);
    assert.equal(await outcomeOf(endpoint, { auth: 'alice:secret' }), 200);
    let answered = 0;
    const guesses = Array.from({ length: 50 }, async (_, at) => {
      const outcome = await outcomeOf(endpoint, { auth: `alice:guess ${at}` });
      answered++;
      return outcome;
    });
    await eventually('some are refused unseen', () => answered >= 30);
    assert.equal(await outcomeOf(endpoint, { auth: 'alice:secret' }), 200);
    assert.ok(answered < 50, 'before the guesses are through');
    const outcomes = new Set(await Promise.all(guesses));
    assert.deepEqual([...outcomes].sort(), [401, 503]);
  });

  test('a thousand first scrapes of one user cost one comparison', async () => {
    await using endpoint = await start(users('secret'));
    const asked = Array.from({ length: 1000 }, () => outcomeOf(endpoint, { auth: 'alice:secret' }));
    assert.deepEqual(await Promise.all(asked), Array(1000).fill(200));
  });
});

test('headers are sent with every answer, refusals too', async () => {
  await using endpoint = await start(`${users('secret')}\nhttp_server_config: {headers: {X-Frame-Options: deny}}`);
  const { outcome, headers } = await endpoint.ask();
  assert.deepEqual([outcome, headers['x-frame-options']], [401, 'deny']);
});

suite('a web configuration that changes', () => {
  test('gives new connections the new certificate', { skip: lacksOpenssl }, async () => {
    await using endpoint = await start(TLS);
    assert.equal((await endpoint.ask()).name, 'server');
    endpoint.write(`tls_server_config: {${readable(authority.issue('successor'))}}`);
    assert.equal((await endpoint.ask()).name, 'successor');
  });

  test('does so, too, when only the certificate changes', { skip: lacksOpenssl }, async () => {
    const changing = authority.issue('changing');
    await using endpoint = await start(`tls_server_config: {${readable(changing)}}`);
    assert.equal((await endpoint.ask()).name, 'changing');
    const renewed = authority.issue('renewed');
    renameSync(renewed.key, changing.key);
    renameSync(renewed.cert, changing.cert);
    assert.equal((await endpoint.ask()).name, 'renewed');
  });

  test('gives the next request the new passwords', async () => {
    await using endpoint = await start(users('old'));
    assert.equal(await outcomeOf(endpoint, { auth: 'alice:old' }), 200);
    endpoint.write(users('new'));
    assert.equal(await outcomeOf(endpoint, { auth: 'alice:old' }), 401);
    assert.equal(await outcomeOf(endpoint, { auth: 'alice:new' }), 200);
  });

  test('to what cannot be used is told once, and the previous one stays until it is good again', async () => {
    await using endpoint = await start(users('old'));
    endpoint.write('basic_auth_users: {alice: secret}');
    for (let round = 0; round < 3; round++) assert.equal(await outcomeOf(endpoint, { auth: 'alice:old' }), 200);
    assert.deepEqual(
      endpoint.log.map(({ level }) => level),
      ['error'],
    );
    assert.match(
      endpoint.log[0]?.message ?? '',
      /^Keeping the previous web configuration: .*web\.yml:1: basic_auth_users\.alice:/,
    );
    endpoint.write(users('new'));
    assert.equal(await outcomeOf(endpoint, { auth: 'alice:new' }), 200);
    assert.equal(endpoint.log.at(-1)?.message, 'Using the changed web configuration');
  });

  test('cannot switch TLS while it runs', { skip: lacksOpenssl }, async () => {
    await using endpoint = await start(TLS);
    endpoint.write('');
    assert.equal(await outcomeOf(endpoint), 200);
    assert.match(endpoint.log[0]?.message ?? '', /needs a restart/);
  });
});
