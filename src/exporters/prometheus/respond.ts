/** Sends a body, as fast as the client reads it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Body, Chunks } from './bodies.ts';
import { turn } from './turns.ts';

/** What may be on its way to a client at a time, while memory is not short; else it is a single chunk. */
const MAX_UNSENT_BYTES = 64 << 10;

/** The memory of unread answers. */
export interface Memory {
  /** Counts further memory; negative when it is free again. */
  grow(bytes: number): void;
  hasRoomFor(bytes: number): boolean;
}

const UNCOUNTED: Memory = { grow: () => undefined, hasRoomFor: () => false };

/**
 * Resolves when all is passed on, or the client has gone. Rejects when a chunk cannot be made: nothing is sent if it is
 * the first one.
 */
export async function respond(
  { headers: asked, method }: IncomingMessage,
  response: ServerResponse,
  body: Body,
  memory = UNCOUNTED,
): Promise<void> {
  const { status = body.status, headers, chunks } = body.contentFor(asked, memory.grow);
  await chunks.prepare?.();
  const first = await chunks.chunk(0);
  const isWhole = (await chunks.chunk(1)) === null;
  if (response.destroyed) return;
  const length = isWhole && status !== 304 ? { 'content-length': first?.length ?? 0 } : {};
  const own = Object.entries(headers).filter(([name]) => !response.hasHeader(name)); // those of the web configuration win
  response.writeHead(status, { ...Object.fromEntries(own), ...length, 'x-content-type-options': 'nosniff' });
  // node:http leaves out the body in an answer to HEAD.
  if (isWhole || method === 'HEAD') response.end(first);
  else await stream(response, chunks, memory);
}

async function stream(response: ServerResponse, chunks: Chunks, memory: Memory): Promise<void> {
  let number = 0;
  for (;;) {
    await turn();
    if (response.destroyed) return;
    const limit = memory.hasRoomFor(MAX_UNSENT_BYTES) ? MAX_UNSENT_BYTES : 1;
    const unsent: Buffer[] = [];
    let bytes = 0;
    while (bytes < limit) {
      const chunk = await chunks.chunk(number);
      if (chunk === null) break;
      unsent.push(chunk);
      bytes += chunk.length;
      number++;
    }
    if (bytes === 0) return void response.end();
    memory.grow(bytes);
    await pass(response, unsent);
    memory.grow(-bytes);
  }
}

/** Resolves when the client's connection has taken all, or has gone. */
function pass(response: ServerResponse, unsent: readonly Buffer[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  response.once('close', done);
  response.cork();
  for (const [at, chunk] of unsent.entries()) response.write(chunk, at === unsent.length - 1 ? done : undefined);
  response.uncork();
  return promise.finally(() => response.off('close', done));
}
