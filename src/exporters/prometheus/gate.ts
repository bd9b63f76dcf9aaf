/**
 * A connection that hands over one request at a time. node:http reads as many as one packet holds and has all of them
 * answered at once: two thousand small requests would be two thousand answers in memory. Here what follows a request
 * waits, unread, until its answer is sent.
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
  /** What came behind the request that is being answered. */
  #rest = NOTHING;
  /** The end of what was handed over of a request, as far as it can be the beginning of {@link END_OF_HEAD}. */
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

  /** The answer to the last request is sent: the next one may come. */
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

  /** As node:net has it: node:http sets how long a connection may be idle. */
  setTimeout(ms: number, listener?: () => void): this {
    if (listener !== undefined) this.once('timeout', listener);
    this.#socket.setTimeout(ms);
    return this;
  }

  /** As node:net has it: closes once all is written. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy()).end();
  }

  override _read(): void {
    // What there is, is pushed; what may not come yet is not read from the connection.
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  /** A head and its body, in one packet where they fit. */
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

  /** Where the request ends, or a negative number; it has no body that anybody would want. */
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
