/** Sends a body, as fast as the client reads it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Body, Chunks } from './bodies.ts';
import { turn } from './turns.ts';

/**
 * Resolves when all is passed on, or the client has gone. Rejects when a chunk cannot be made: nothing is sent if it is
 * the first one.
 *
 * @param onGrow called with the further memory that the body takes for this client, in bytes
 */
export async function respond(
  { headers: asked, method }: IncomingMessage,
  response: ServerResponse,
  body: Body,
  onGrow: (bytes: number) => void = () => undefined,
): Promise<void> {
  const { headers, chunks } = body.contentFor(asked, onGrow);
  const first = await chunks.chunk(0);
  const isWhole = (await chunks.chunk(1)) === null;
  if (response.destroyed) return;
  const length = isWhole ? { 'content-length': first?.length ?? 0 } : {};
  response.writeHead(body.status, { ...headers, ...length, 'x-content-type-options': 'nosniff' });
  // node:http leaves out the body in an answer to HEAD.
  if (isWhole || method === 'HEAD') response.end(first);
  else await stream(response, chunks);
}

async function stream(response: ServerResponse, chunks: Chunks): Promise<void> {
  for (let number = 0; !response.destroyed; number++) {
    const chunk = await chunks.chunk(number);
    if (chunk === null) return void response.end();
    if (!response.write(chunk)) await drained(response);
    await turn();
  }
}

/** Resolves when the client has read so much that it gets more, or has gone. */
function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve).once('close', resolve);
  return promise.finally(() => response.off('drain', resolve).off('close', resolve));
}
