import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { readWebConfig } from '../../../src/exporters/prometheus/web-config.ts';
import { createAuthority, lacksOpenssl } from '../../support/certificates.ts';
import { folder } from '../../support/peers.ts';

const authority = createAuthority();
const { cert, key } = authority.issue('server');
const other = authority.issue('other');
const home = folder();
const file = join(home.path, 'web.yml');

after(() => {
  authority[Symbol.dispose]();
  home[Symbol.dispose]();
});

function read(text: string): ReturnType<typeof readWebConfig> {
  writeFileSync(file, text);
  return readWebConfig(file);
}

function problemsOf(text: string): string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace(/^.*web\.yml:\d+: /, ''));
  }
}

const PAIR = `cert_file: ${cert}, key_file: ${key}`;

suite('a web configuration', { skip: lacksOpenssl }, () => {
  test('that is empty is plain HTTP for everybody', () => {
    const { tls, users, headers } = read('');
    assert.deepEqual([tls, users.size, headers], [null, 0, {}]);
  });

  test('with a certificate is TLS from version 1.2', () => {
    const { tls, asksForCertificate } = read(`tls_server_config: {${PAIR}}`);
    assert.deepEqual([tls?.minVersion, asksForCertificate], ['TLSv1.2', false]);
  });

  test('may ask for version 1.3 and certificates of clients', () => {
    const client = `client_ca_file: ${authority.cert}, client_auth_type: RequireAndVerifyClientCert`;
    const { tls, asksForCertificate } = read(`tls_server_config: {${PAIR}, ${client}, min_version: TLS13}`);
    assert.deepEqual([tls?.minVersion, asksForCertificate], ['TLSv1.3', true]);
  });

  test('finds its files beside itself', () => {
    writeFileSync(join(home.path, 'a.crt'), authority.pem);
    const [problem] = problemsOf('tls_server_config: {cert_file: a.crt, key_file: missing.key}');
    assert.match(
      problem ?? '',
      new RegExp(`^tls_server_config.key_file: cannot be read: ENOENT.*${home.path}/missing`),
    );
  });

  test('may say what Floatie does: no HTTP/2', () => {
    assert.deepEqual(read('http_server_config: {http2: false}').headers, {});
  });

  test('has users and headers', () => {
    const hash = bcrypt.hashSync('secret', 4).replace('$2b$', '$2y$');
    const { users, headers } = read(
      `basic_auth_users: {alice: ${hash}}\nhttp_server_config: {headers: {X-Frame-Options: deny}}`,
    );
    assert.deepEqual([[...users], headers], [[['alice', hash]], { 'X-Frame-Options': 'deny' }]);
  });
});

const rows: [string, string, RegExp][] = [
  ['an unknown key', 'tls_server_confg: {}', /^tls_server_confg: unknown key; did you mean "tls_server_config"\?$/],
  [
    'a key that is not supported',
    'basic_auth_users: {}\nrate_limit: {}',
    /^rate_limit: unknown or not supported here$/,
  ],
  ['an unknown key of TLS', `tls_server_config: {${PAIR}, cert: x}`, /^tls_server_config\.cert: unknown or not supp/],
  ['no section', 'tls_server_config: 1', /^tls_server_config: must be a section$/],
  ['no key', `tls_server_config: {cert_file: ${cert}}`, /^tls_server_config\.key_file: is missing/],
  ['another key', `tls_server_config: {cert_file: ${cert}, key_file: ${other.key}}`, /key_file: is not the key of/],
  [
    'a key for a certificate',
    `tls_server_config: {cert_file: ${key}, key_file: ${key}}`,
    /cert_file: .* has no certificate/,
  ],
  [
    'a number for a file',
    `tls_server_config: {cert_file: 1, key_file: ${key}}`,
    /cert_file: must be the path of a file/,
  ],
  ['TLS 1.1', `tls_server_config: {${PAIR}, min_version: TLS11}`, /min_version: must be "TLS12" or "TLS13"/],
  [
    'another policy',
    `tls_server_config: {${PAIR}, client_auth_type: RequestClientCert}`,
    /client_auth_type: must be "NoC/,
  ],
  [
    'no CA for clients',
    `tls_server_config: {${PAIR}, client_auth_type: RequireAndVerifyClientCert}`,
    /client_ca_file: is m/,
  ],
  [
    'a CA for nothing',
    `tls_server_config: {${PAIR}, client_ca_file: ${authority.cert}}`,
    /client_auth_type: must be "Req/,
  ],
  ['a plain password', 'basic_auth_users: {alice: secret}', /^basic_auth_users\.alice: must be a bcrypt hash/],
  ['an unknown header', 'http_server_config: {headers: {X-A: b}}', /^http_server_config\.headers\.X-A: unknown/],
  ['HTTP/2', 'http_server_config: {http2: true}', /^http_server_config\.http2: unknown or not supported here$/],
  [
    'a header of two lines',
    'http_server_config: {headers: {X-Frame-Options: "a\\nb"}}',
    /X-Frame-Options: must be a line/,
  ],
];

suite('a web configuration is refused, by file and key, for', { skip: lacksOpenssl }, () => {
  for (const [what, text, expected] of rows) {
    test(what, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', expected);
    });
  }

  test('by line as well', () => {
    assert.throws(() => read('http_server_config:\n  headers:\n    X-A: b'), {
      message: /web\.yml:3: http_server_config/,
    });
  });

  test('all of its problems at once, and shows no password', () => {
    const problems = problemsOf('a: 1\nbasic_auth_users: {alice: hunter2, bob: hunter3}');
    assert.equal(problems.length, 3);
    assert.doesNotMatch(problems.join(), /hunter/);
  });
});
