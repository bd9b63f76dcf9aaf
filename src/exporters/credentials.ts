/** The TLS certificates and keys of OTLP, read again when the files change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { diag } from '@opentelemetry/api';
import { ConfigError } from '../config/error.ts';
import { exportersOf } from '../config/exporters.ts';
import { readWhole } from '../config/file.ts';
import { TLS_VARIABLES } from '../config/otlp-variables.ts';
import type { Config, OtlpConfig } from '../config/schema.ts';

/** PEM. Without `ca` Node's own CAs are trusted; without `cert` and `key` there is no client certificate. */
export interface Tls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Returns the current certificates: the same object as long as no file changes. */
export type TlsSource = () => Tls;

/** By exporter name. */
export type Credentials = ReadonlyMap<string, TlsSource>;

/** Called when files change while Floatie runs; with problems the previous certificates stay in use. */
export type OnRenewal = (exporter: string, problems: readonly string[]) => void;

type Files = OtlpConfig['tls'];

const PARSERS = {
  ca_file: (pem: Buffer) => new X509Certificate(pem),
  cert_file: (pem: Buffer) => new X509Certificate(pem),
  key_file: (pem: Buffer) => createPrivateKey(pem),
};

/**
 * Reads the certificates of every exporter in the pipeline whose `tls` names a file.
 * @throws {@link ConfigError} with every problem found
 */
export function readCredentials(config: Config, onRenewal: OnRenewal = () => undefined): Credentials {
  const all = new Map<string, TlsSource>();
  const problems: string[] = [];
  for (const { name, settings } of [...exportersOf(config, 'otlp'), ...exportersOf(config, 'otlphttp')]) {
    const { endpoint, tls } = settings;
    if (Object.values(tls).every((file) => file === '')) continue;
    const path = `exporters.${name}.tls`;
    if (endpoint.startsWith('http:')) problems.push(`${path}: needs an endpoint that begins with https://`);
    const nameOf = (key: keyof Files): string => `${path}.${key}`;
    const source = sourceOf(tls, nameOf, (found) => onRenewal(name, found));
    problems.push(...source.problems);
    if (isHalf(tls)) problems.push(`${path}: cert_file and key_file need each other`);
    all.set(name, source.current);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return all;
}

/**
 * The files of OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_KEY and …_CLIENT_CERTIFICATE; none where they cannot be used.
 */
export function tlsOfVariables(files: Files): TlsSource {
  const nameOf = (key: keyof Files): string => `OTEL_EXPORTER_OTLP_${TLS_VARIABLES[key]}`;
  const warn = (problems: readonly string[]): void => {
    for (const problem of problems) diag.warn(problem);
  };
  const { current, problems } = sourceOf(files, nameOf, warn);
  warn(problems);
  if (isHalf(files)) warn([`${nameOf('cert_file')} and ${nameOf('key_file')} need each other: neither is used`]);
  return current;
}

/** Whether only one of certificate and key is set. */
function isHalf({ cert_file: cert, key_file: key }: Files): boolean {
  return (cert === '') !== (key === '');
}

/**
 * Reads the files now, and again after each change; keeps the previous certificates while the new ones are unusable.
 */
function sourceOf(
  files: Files,
  nameOf: (key: keyof Files) => string,
  onRenewal: (problems: readonly string[]) => void,
): { readonly current: TlsSource; readonly problems: readonly string[] } {
  let seen = stampOf(files);
  const first = read(files, nameOf);
  let { tls } = first;
  return {
    problems: first.problems,
    current() {
      const stamp = stampOf(files);
      if (stamp === seen) return tls;
      const next = read(files, nameOf);
      // An unusable file may be half written, so the next export reads it again, even with the same time stamp.
      if (next.problems.length === 0) [tls, seen] = [next.tls, stamp];
      onRenewal(next.problems);
      return tls;
    },
  };
}

function read(files: Files, nameOf: (key: keyof Files) => string): { tls: Tls; problems: string[] } {
  const problems: string[] = [];
  const readOne = (key: keyof Files): Buffer | undefined => {
    if (files[key] === '') return;
    try {
      const pem = readWhole(files[key]);
      PARSERS[key](pem);
      return pem;
    } catch (error) {
      problems.push(`${nameOf(key)}: ${files[key]} cannot be used: ${(error as Error).message}`);
      return;
    }
  };
  const [ca, cert, key] = [readOne('ca_file'), readOne('cert_file'), readOne('key_file')];
  if (cert !== undefined && key !== undefined && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    problems.push(`${nameOf('key_file')}: ${files.key_file} is not the key of ${files.cert_file}`);
  }
  if (problems.length > 0) return { tls: {}, problems };
  return { tls: { ...(ca && { ca }), ...(cert && key && { cert, key }) }, problems };
}

/** Differs after every change of a file, also by rename or by a symbolic link. */
function stampOf(files: Files): string {
  const stamps = Object.values(files).map((file) => {
    if (file === '') return '';
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(':');
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  });
  return stamps.join(' ');
}
