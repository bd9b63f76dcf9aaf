/** Bodies that are made as a whole. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { Body, Chunks } from './bodies.ts';
import { isKnown, tagOf } from './etag.ts';

const NONE: Chunks = { chunk: () => null };

/** A body that is short, or the same for all who ask. */
export function text(
  status: number,
  content: string,
  type = 'text/plain; charset=utf-8',
  headers: OutgoingHttpHeaders = {},
): Body {
  const bytes = Buffer.from(content);
  const all = { 'content-type': type, ...headers };
  return { status, size: bytes.length, contentFor: () => ({ headers: all, chunks: chunkOf(bytes) }) };
}

/**
 * JSON that clients need not load again.
 *
 * @param source as of {@link tagOf}
 */
export function json(content: string, source: object): Body {
  const bytes = Buffer.from(content);
  const etag = tagOf(source);
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache', etag };
  return {
    status: 200,
    size: bytes.length,
    contentFor: ({ 'if-none-match': known }) =>
      isKnown(etag, known) ? { status: 304, headers, chunks: NONE } : { headers, chunks: chunkOf(bytes) },
  };
}

function chunkOf(bytes: Buffer): Chunks {
  return { chunk: (number) => (number === 0 ? bytes : null) };
}
