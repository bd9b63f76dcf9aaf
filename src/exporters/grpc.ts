/** What the exporters by gRPC have in common. */
import { type ChannelCredentials, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ExportResult } from '@opentelemetry/core';
import type { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import type { Connection } from './connection.ts';

/** A connection as gRPC takes it. */
export function grpcOptions({ endpoint, headers = {}, tls, compression = 'none', timeoutMs }: Connection) {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return {
    ...(endpoint !== '' && { url: endpoint }),
    ...(tls !== undefined && { credentials: credentialsOf(endpoint, tls) }),
    metadata,
    compression: compression as CompressionAlgorithm,
    timeoutMillis: timeoutMs,
  };
}

function credentialsOf(endpoint: string, { ca, cert, key }: NonNullable<Connection['tls']>): ChannelCredentials {
  if (endpoint.startsWith('http:')) return credentials.createInsecure();
  return credentials.createSsl(ca, key, cert);
}

interface Exporter {
  export(items: never, done: (result: ExportResult) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * An exporter that is made anew after it could not connect. gRPC waits for longer and longer before it tries again, up
 * to two minutes, and fails every export meanwhile although the collector may long be back. It forgets that within
 * 10 s once nobody uses the connection any more; an exporter makes its own with its first export.
 */
export class Reconnecting<E extends Exporter> {
  readonly #create: () => E;
  protected exporter: E;

  constructor(create: () => E) {
    this.#create = create;
    this.exporter = create();
  }

  export(items: Parameters<E['export']>[0], done: (result: ExportResult) => void): void {
    const { exporter } = this;
    exporter.export(items, (result) => {
      if ((result.error as { code?: unknown } | undefined)?.code === status.UNAVAILABLE && exporter === this.exporter) {
        this.exporter = this.#create();
        exporter.shutdown().catch(() => undefined); // it is of no use any more
      }
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }
}
