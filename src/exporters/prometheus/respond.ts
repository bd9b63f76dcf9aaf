/** Sends a body, compressed if it is long and the client accepts that. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Body } from './bodies.ts';

const compress = promisify(gzip);

/** @param onGrow called with the size of the compressed form once it is made */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  body: Body,
  onGrow?: (bytes: number) => void,
): Promise<void> {
  if (!body.isLong) return send(response, body, body.bytes);
  response.setHeader('vary', 'accept-encoding');
  if (!acceptsGzip(request)) return send(response, body, body.bytes);
  body.compressed ??= compress(body.bytes).then((bytes) => {
    onGrow?.(bytes.length);
    return bytes;
  });
  response.setHeader('content-encoding', 'gzip');
  send(response, body, await body.compressed);
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = String(request.headers['accept-encoding'] ?? '').split(',');
  return accepted.some((coding) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding));
}

function send(response: ServerResponse, { status, type }: Body, bytes: Buffer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'x-content-type-options': 'nosniff',
  });
  // node:http leaves out the body in an answer to HEAD.
  response.end(bytes);
}
