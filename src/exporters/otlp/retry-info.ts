/**
 * The delay that a collector asks for: google.rpc.RetryInfo in the details of a gRPC status, or HTTP's Retry-After.
 */
import { fields } from './protobuf.ts';

const TYPE = 'type.googleapis.com/google.rpc.RetryInfo';
/** The longest delay that is granted. */
const MAX_MS = 3_600_000;

/** The delay in ms; undefined without a valid one. */
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

/** Parses Retry-After, which is a number of seconds or a date, into ms. */
export function parseRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : ms;
}

function bounded(ms: number): number | undefined {
  return ms > 0 ? Math.min(ms, MAX_MS) : undefined;
}
