/**
 * How long a collector asks to be left alone: a google.rpc.RetryInfo among the details of a status of gRPC, or the header
 * Retry-After of HTTP.
 */
import { fields } from './protobuf.ts';

const TYPE = 'type.googleapis.com/google.rpc.RetryInfo';
/** Nobody is left alone for longer than this, whatever was asked. */
const MAX_MS = 3_600_000;

/** In ms; undefined where the error of an export asks for nothing that can be understood. */
export function retryDelayMs(error: unknown): number | undefined {
  const { metadata, retryAfterMs } = (error ?? {}) as {
    metadata?: { get(name: string): unknown[] };
    retryAfterMs?: number;
  };
  if (retryAfterMs !== undefined) return bounded(retryAfterMs);
  const [status] = metadata?.get('grpc-status-details-bin') ?? [];
  if (!Buffer.isBuffer(status)) return;
  try {
    for (const [number, detail] of fields(status)) {
      if (number !== 3 || typeof detail === 'number') continue;
      const { 1: type, 2: info } = Object.fromEntries(fields(detail));
      if (!Buffer.isBuffer(info) || String(type) !== TYPE) continue;
      const { 1: delay } = Object.fromEntries(fields(info));
      const { 1: seconds = 0, 2: nanos = 0 } = Buffer.isBuffer(delay) ? Object.fromEntries(fields(delay)) : {};
      return bounded(Number(seconds) * 1000 + Number(nanos) / 1e6);
    }
  } catch {} // no protobuf
  return;
}

/** In ms, of the header's value: seconds, or the date when to come again. */
export function parseRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : ms;
}

function bounded(ms: number): number | undefined {
  return ms > 0 ? Math.min(ms, MAX_MS) : undefined;
}
