/**
 * A connection that passes on one request at a time. node:http parses all requests of a packet and answers them at
 * once: two thousand small requests would be two thousand answers in memory. Here the next request waits, unparsed,
 * until the answer before it is sent.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clients } from './clients.ts';

const END_OF_HEAD = '\r\n\r\n';
const NOTHING: Buffer = Buffer.alloc(0);
const [LF, CR] = [10, 13];

export class Gate extends Duplex {
  readonly #socket: Socket;
  readonly #clients: Clients;
  /** Bytes behind the request that is being answered. */
  #rest = NOTHING;
  /** The last bytes that were passed on, as far as they may begin {@link END_OF_HEAD}. */
  #tail = '';
  #isBusy = false;
  #ended = false;

  /** @param socket plain or TLS */
  constructor(socket: Socket, clients: Clients) {
    super({ decodeStrings: false });
    this.#socket = socket;
    this.#clients = clients;
    clients.enter(this);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.on('timeout', () => this.emit('timeout'));
  }

  /** Whether a request is being answered. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Passes on the next request, after the answer is sent. */
  next(): void {
    if (this.destroyed) return;
    this.#isBusy = false;
    this.#clients.isAnswered(this);
    const rest = this.#rest;
    this.#keep(NOTHING);
    if (rest.length > 0) this.#take(rest);
    if (this.#isBusy) return;
    if (this.#ended) this.push(null);
    else this.#socket.resume();
  }

  /** As in node:net: node:http sets the idle timeout. */
  setTimeout(ms: number, listener?: () => void): this {
    if (listener !== undefined) this.once('timeout', listener);
    this.#socket.setTimeout(ms);
    return this;
  }

  /** As in node:net: closes once all is written. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy()).end();
  }

  override _read(): void {
    // Bytes are pushed as they arrive; the connection is paused while the next request has to wait.
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  /** Writes head and body in one packet where they fit. */
  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    for (const [at, { chunk, encoding }] of chunks.entries()) {
      this.#socket.write(chunk, encoding, at === chunks.length - 1 ? done : undefined);
    }
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#keep(NOTHING);
    this.#clients.leave(this);
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    if (this.destroyed) return;
    if (this.#isBusy) {
      this.#keep(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]));
      this.#socket.pause();
      return;
    }
    const begin = this.#tail === '' ? chunk.findIndex((byte) => byte !== CR && byte !== LF) : 0;
    if (begin < 0) return; // empty lines between requests mean nothing
    const request = chunk.subarray(begin);
    const end = this.#endOfHead(request);
    if (end < 0) {
      this.push(request);
      return;
    }
    this.#tail = '';
    this.#isBusy = true;
    this.#clients.asks(this);
    this.#socket.pause();
    this.#keep(request.subarray(end));
    if (!this.destroyed) this.push(request.subarray(0, end));
  }

  /** The end of the request's head, or a negative number. A body is not expected. */
  #endOfHead(chunk: Buffer): number {
    const text = this.#tail + chunk.toString('latin1');
    const at = text.indexOf(END_OF_HEAD);
    if (at >= 0) return at + END_OF_HEAD.length - this.#tail.length;
    this.#tail = text.slice(-(END_OF_HEAD.length - 1));
    return -1;
  }

  #keep(rest: Buffer): void {
    this.#clients.wait(rest.length - this.#rest.length);
    this.#rest = rest;
    if (rest.length === 0 || !this.#clients.tooManyWait) return;
    this.#clients.drop('pipelined');
    this.destroy();
  }

  #end(): void {
    this.#ended = true;
    if (!this.#isBusy) this.push(null);
  }
}
