/** How OTLP over gRPC proves who it is, and whom it trusts. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { ConfigError } from '../config/error.ts';
import { exportersOf } from '../config/exporters.ts';
import type { Config } from '../config/schema.ts';

/** By the exporter's name; without one: what OTEL_EXPORTER_OTLP_CERTIFICATE and its kin say. */
export type Credentials = ReadonlyMap<string, ChannelCredentials>;

/**
 * Of every exporter in the pipeline whose `tls` names a file.
 * @throws {@link ConfigError} with every problem found
 */
export async function readCredentials(config: Config): Promise<Credentials> {
  const all = new Map<string, ChannelCredentials>();
  const problems: string[] = [];
  for (const { name, settings } of exportersOf(config, 'otlp')) {
    const { endpoint, tls } = settings;
    const { ca_file, cert_file, key_file } = tls;
    if (!(ca_file || cert_file || key_file)) continue;
    const path = `exporters.${name}.tls`;
    const read = (key: keyof typeof tls, parse: (pem: Buffer) => unknown): Buffer | null => {
      if (tls[key] === '') return null;
      try {
        const pem = readFileSync(tls[key]);
        parse(pem);
        return pem;
      } catch (error) {
        problems.push(`${path}.${key}: ${tls[key]} is not what it must be: ${(error as Error).message}`);
        return null;
      }
    };
    const ca = read('ca_file', (pem) => new X509Certificate(pem));
    const certificate = read('cert_file', (pem) => new X509Certificate(pem));
    const key = read('key_file', (pem) => createPrivateKey(pem));
    if ((cert_file === '') !== (key_file === '')) problems.push(`${path}: cert_file and key_file need each other`);
    if (endpoint.startsWith('http:')) problems.push(`${path}: needs an endpoint that begins with https://`);
    // gRPC is the largest thing Floatie imports: only when it is on.
    if (problems.length === 0) {
      all.set(name, (await import('@grpc/grpc-js')).credentials.createSsl(ca, key, certificate));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return all;
}
