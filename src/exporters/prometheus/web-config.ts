/**
 * The web configuration file in the format that Prometheus and its exporters share: TLS, passwords and headers of the
 * endpoint. https://prometheus.io/docs/prometheus/latest/configuration/https/
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { readDocument } from '../../config/document.ts';
import { ConfigError } from '../../config/error.ts';
import { readWhole } from '../../config/file.ts';
import { foreignProblems } from '../../config/foreign.ts';
import { nearest } from '../../config/nearest.ts';
import { isRecord } from '../../settings/shapes.ts';
import { firstOf, showKey } from '../../settings/show.ts';

export interface WebConfig {
  /** null: plain HTTP. */
  readonly tls: SecureContextOptions | null;
  /** Whether clients need a certificate of `tls.ca`. */
  readonly asksForCertificate: boolean;
  /** bcrypt hashes by user; empty: no authentication. */
  readonly users: ReadonlyMap<string, string>;
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** All files that were read. */
  readonly files: readonly string[];
}

const KEYS = ['tls_server_config', 'basic_auth_users', 'http_server_config'];
const TLS_KEYS = ['cert_file', 'key_file', 'client_auth_type', 'client_ca_file', 'min_version'];
const CLIENT_AUTH_TYPES = ['NoClientCert', 'RequireAndVerifyClientCert'];
const VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
/** The headers that Prometheus allows. */
const HEADERS = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
];
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** bcrypt takes 0.1 s at cost 10 and doubles with each step: at 15 a wrong password takes some seconds. */
const MAX_COST = 15;
const MIN_COST = 4;

/** @throws {@link ConfigError} with every problem found; none shows a secret */
export function readWebConfig(file: string): WebConfig {
  const problems: string[] = [];
  const files = [file];
  const { values, placeOf } = readDocument(file, null); // no variables: bcrypt hashes are full of dollars
  const problem = (key: string, what: string): void => {
    problems.push(`${placeOf(key.split('.'))}: ${key}: ${what}`);
  };
  const section = (value: unknown, path: string, known?: readonly string[]): Map<string, unknown> => {
    if (value === undefined || value === null) return new Map();
    if (!isRecord(value)) {
      problem(path, 'must be a section');
      return new Map();
    }
    for (const key of Object.keys(value)) {
      if (known?.includes(key) === false) {
        const shown = showKey(key);
        problem(path === '' ? shown : `${path}.${shown}`, `unknown or not supported here${nearest(key, known)}`);
      }
    }
    return new Map(Object.entries(value));
  };

  const foreign = foreignProblems(values, KEYS, 'web configuration', placeOf);
  if (foreign !== null) throw new ConfigError(foreign);
  const document = section(values, '', KEYS);
  const tls = section(document.get('tls_server_config'), 'tls_server_config', TLS_KEYS);
  const tlsProblem = (key: string, what: string): void => problem(`tls_server_config.${key}`, what);
  const choice = (key: string, allowed: readonly string[]): string => {
    const value = tls.get(key) ?? allowed[0];
    if (!allowed.includes(value as string))
      tlsProblem(key, `must be ${allowed.map((word) => `"${word}"`).join(' or ')}`);
    return value as string;
  };
  const pem = <T>(key: string, what: string, parse: (text: Buffer) => T): { text: Buffer; parsed: T } | null => {
    const name = tls.get(key);
    if (name === undefined || name === null) return null;
    if (typeof name !== 'string' || name === '') {
      tlsProblem(key, 'must be the path of a file');
      return null;
    }
    const path = resolve(dirname(file), name);
    files.push(path);
    try {
      const text = readWhole(path);
      try {
        return { text, parsed: parse(text) };
      } catch (error) {
        tlsProblem(key, `${path} has no ${what} in PEM: ${(error as Error).message}`);
      }
    } catch (error) {
      tlsProblem(key, `cannot be read: ${(error as Error).message}`);
    }
    return null;
  };

  const certificate = pem('cert_file', 'certificate', (text) => new X509Certificate(text));
  const key = pem('key_file', 'private key', (text): KeyObject => createPrivateKey(text));
  const ca = pem('client_ca_file', 'certificate', (text) => new X509Certificate(text));
  const asksForCertificate = choice('client_auth_type', CLIENT_AUTH_TYPES) === 'RequireAndVerifyClientCert';
  const version = choice('min_version', Object.keys(VERSIONS)) as keyof typeof VERSIONS;
  if (tls.size > 0) {
    for (const name of ['cert_file', 'key_file']) if (!tls.has(name)) tlsProblem(name, 'is missing, and TLS needs it');
    if (asksForCertificate && !tls.has('client_ca_file')) {
      tlsProblem('client_ca_file', 'is missing, and client_auth_type needs it');
    }
    if (!asksForCertificate && tls.has('client_ca_file')) {
      tlsProblem('client_auth_type', 'must be "RequireAndVerifyClientCert" where there is a client_ca_file');
    }
  }
  if (certificate !== null && key !== null && !certificate.parsed.checkPrivateKey(key.parsed)) {
    tlsProblem('key_file', 'is not the key of the certificate in cert_file');
  }

  const users = section(document.get('basic_auth_users'), 'basic_auth_users');
  for (const [name, hash] of users) {
    const cost = typeof hash === 'string' ? BCRYPT.exec(hash)?.[1] : undefined;
    if (cost !== undefined && Number(cost) >= MIN_COST && Number(cost) <= MAX_COST) continue;
    const shown = showKey(name);
    const command = `htpasswd -nBC 10 ${shown === '…' ? 'NAME' : shown}`;
    problem(
      `basic_auth_users.${shown}`,
      cost === undefined
        ? `must be a bcrypt hash, what "${command}" prints behind the colon`
        : `its cost is ${Number(cost)}, and must be ${MIN_COST} to ${MAX_COST}: each wrong password costs as much (${command})`,
    );
  }
  const server = document.get('http_server_config');
  // Floatie speaks HTTP/1.1, which is what `http2: false` asks for.
  const isWithoutHttp2 = isRecord(server) && server.http2 === false;
  const http = section(server, 'http_server_config', ['headers', ...(isWithoutHttp2 ? ['http2'] : [])]);
  const headers = section(http.get('headers'), 'http_server_config.headers', HEADERS);
  for (const [name, value] of headers) {
    if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)) continue;
    problem(`http_server_config.headers.${showKey(name)}`, 'must be a line of text');
  }

  const context =
    certificate === null || key === null
      ? null
      : { cert: certificate.text, key: key.text, ...(ca !== null && { ca: ca.text }), minVersion: VERSIONS[version] };
  if (problems.length === 0 && context !== null) {
    try {
      createSecureContext(context);
    } catch (error) {
      problem('tls_server_config', (error as Error).message);
    }
  }
  if (problems.length > 0) throw new ConfigError(firstOf(problems, file));
  return {
    tls: context,
    asksForCertificate,
    users: users as Map<string, string>,
    headers: Object.fromEntries(headers as Map<string, string>),
    files,
  };
}
