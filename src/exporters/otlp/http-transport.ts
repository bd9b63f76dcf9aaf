/** OTLP over HTTP: one POST an export, over a persistent connection. */
import { type Agent, type IncomingMessage, type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { reasonOf } from '../../program/reason.ts';
import { version } from '../../program/version.ts';
import type { Tls } from '../credentials.ts';
import { excerpt, excerptOf, type Remark, readAnswer } from './answer.ts';
import { type Destination, shown } from './connection.ts';
import type { Transport } from './exporter.ts';
import { type ProxyServer, placeOf, usableProxyFor } from './proxy.ts';
import { parseRetryAfter } from './retry-info.ts';

/** A failed export. Its code is an HTTP status or the name of a network error. */
export interface HttpError extends Error {
  readonly code?: number | string;
  /** The endpoint's Retry-After, in ms. */
  readonly retryAfterMs?: number;
}

interface Answer {
  readonly response: IncomingMessage;
  readonly body: Buffer;
}

/** Longer than any answer of OTLP; the rest of a longer answer is not read. */
const MAX_ANSWER = 64 << 10;

const compress = promisify(gzip);

export class HttpTransport implements Transport {
  readonly #destination: Destination;
  readonly #proxy: ProxyServer | null;
  /** Passed with each request, since an agent for proxies does not keep TLS options for its requests. */
  #tls: Tls | undefined;
  #agent: Agent | undefined;

  constructor(destination: Destination) {
    this.#destination = destination;
    this.#proxy = usableProxyFor(destination, 'http');
  }

  async send(request: Uint8Array): Promise<Remark | null> {
    const { compression, timeoutMs } = this.#destination;
    const body = compression === 'gzip' ? await compress(request) : request;
    const agent = await this.#currentAgent();
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return this.#judge(await this.#post(body, agent, signal));
    } catch (error) {
      const reason = signal.aborted ? `no answer in ${timeoutMs} ms` : reasonOf(error);
      throw this.#failure(reason, signal.aborted ? { code: 'ETIMEDOUT' } : (error as HttpError));
    }
  }

  shutdown(): void {
    this.#agent?.destroy();
  }

  async #currentAgent(): Promise<Agent> {
    const tls = this.#destination.tls();
    if (this.#agent !== undefined && tls === this.#tls) return this.#agent;
    const before = this.#agent;
    this.#tls = tls;
    this.#agent = await this.#createAgent();
    // Requests under way finish over the old connections, which then close.
    if (before !== undefined) before.maxFreeSockets = 0;
    for (const socket of Object.values(before?.freeSockets ?? {}).flatMap((sockets) => sockets ?? [])) socket.destroy();
    return this.#agent;
  }

  async #createAgent(): Promise<Agent> {
    const isTls = this.#destination.url.protocol === 'https:';
    const options = { keepAlive: true };
    if (this.#proxy === null) return new (await import(isTls ? 'node:https' : 'node:http')).Agent(options);
    // Loaded only with a proxy.
    if (isTls) return new (await import('https-proxy-agent')).HttpsProxyAgent(this.#proxy.url, options);
    return new (await import('http-proxy-agent')).HttpProxyAgent(this.#proxy.url, options);
  }

  async #post(body: Uint8Array, agent: Agent, signal: AbortSignal): Promise<Answer> {
    const { url, compression } = this.#destination;
    const { request } = await import(url.protocol === 'https:' ? 'node:https' : 'node:http');
    const headers: OutgoingHttpHeaders = {
      'user-agent': `Floatie/${version}`,
      ...this.#destination.headers,
      'content-type': 'application/x-protobuf',
      'content-length': body.length,
      ...(compression === 'gzip' && { 'content-encoding': 'gzip' }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sent = request(url, { method: 'POST', headers, agent, signal, ...this.#tls });
    sent.on('response', (response: IncomingMessage) => {
      readUpTo(response, MAX_ANSWER).then((body) => resolve({ response, body }), reject);
    });
    sent.on('error', (error: HttpError) => {
      // The endpoint closed the idle connection just when it was used again.
      const isStale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      if (isStale) this.#post(body, agent, signal).then(resolve, reject);
      else reject(error);
    });
    sent.end(body);
    return promise;
  }

  #judge({ response, body }: Answer): Remark | null {
    const { statusCode: code = 0, headers } = response;
    const type = headers['content-type'];
    if (code >= 200 && code < 300) return readAnswer(body, type);
    const retryAfterMs = parseRetryAfter(headers['retry-after']);
    const wait = retryAfterMs === undefined ? '' : `, and asks for a delay of ${Math.ceil(retryAfterMs / 1000)} s`;
    const words = excerptOf(body, type);
    const { location } = headers;
    const elsewhere = location === undefined ? '' : ` to ${excerpt(withoutSecrets(location))}, where it is not sent`;
    const reason = `answers ${code} ${STATUS_CODES[code] ?? ''}`.trim() + elsewhere + wait;
    const error = new Error(words === '' ? reason : `${reason}: ${words}`);
    throw Object.assign(error, { code, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }

  #failure(reason: string, { code, retryAfterMs }: Pick<HttpError, 'code' | 'retryAfterMs'>): HttpError {
    const by = this.#proxy === null ? '' : ` through the proxy ${placeOf(this.#proxy)}`;
    const isAnswer = reason.startsWith('answers ');
    const error = new Error(`${shown(this.#destination.url)}${by}${isAnswer ? ' ' : ': '}${reason}`);
    return Object.assign(error, code !== undefined && { code }, retryAfterMs !== undefined && { retryAfterMs });
  }
}

function withoutSecrets(location: string): string {
  const url = URL.parse(location);
  return url === null ? location.replace(/\?.*$/s, '?…') : shown(url);
}

async function readUpTo(response: IncomingMessage, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= limit) break; // which ends the connection
  }
  return Buffer.concat(parts).subarray(0, limit);
}
