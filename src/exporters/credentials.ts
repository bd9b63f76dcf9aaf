/** The files by which OTLP proves who it is, and whom it trusts. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/error.ts';
import { exportersOf } from '../config/exporters.ts';
import type { Config } from '../config/schema.ts';
import type { Tls } from './connection.ts';

/** By the exporter's name; without one: what OTEL_EXPORTER_OTLP_CERTIFICATE and its kin say. */
export type Credentials = ReadonlyMap<string, Tls>;

const PARSERS = {
  ca_file: (pem: Buffer) => new X509Certificate(pem),
  cert_file: (pem: Buffer) => new X509Certificate(pem),
  key_file: (pem: Buffer) => createPrivateKey(pem),
};

/**
 * Of every exporter in the pipeline whose `tls` names a file.
 * @throws {@link ConfigError} with every problem found
 */
export function readCredentials(config: Config): Credentials {
  const all = new Map<string, Tls>();
  const problems: string[] = [];
  for (const { name, settings } of [...exportersOf(config, 'otlp'), ...exportersOf(config, 'otlphttp')]) {
    const { endpoint, tls } = settings;
    const path = `exporters.${name}.tls`;
    const read = (key: keyof typeof PARSERS): Buffer | undefined => {
      if (tls[key] === '') return;
      try {
        const pem = readFileSync(tls[key]);
        PARSERS[key](pem);
        return pem;
      } catch (error) {
        problems.push(`${path}.${key}: ${tls[key]} is not what it must be: ${(error as Error).message}`);
        return;
      }
    };
    const files = { ca: read('ca_file'), cert: read('cert_file'), key: read('key_file') };
    if (Object.values(tls).every((file) => file === '')) continue;
    if ((tls.cert_file === '') !== (tls.key_file === ''))
      problems.push(`${path}: cert_file and key_file need each other`);
    if (endpoint.startsWith('http:')) problems.push(`${path}: needs an endpoint that begins with https://`);
    const { cert, key } = files;
    if (cert !== undefined && key !== undefined && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      problems.push(`${path}.key_file: ${tls.key_file} is not the key of ${tls.cert_file}`);
    }
    all.set(name, Object.fromEntries(Object.entries(files).filter(([, pem]) => pem !== undefined)));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return all;
}
