/** The Prometheus endpoint: a server that answers scrapes, with whatever reader collects at the time. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Readiness } from '../health.ts';
import type { OomRecord } from '../metrics/oom-record.ts';
import { reasonOf } from '../reason.ts';
import { oomList, QueryError } from './oom-list.ts';
import { page } from './page.ts';
import type { Body, Scrapes } from './scrapes.ts';
import { parseTarget } from './target.ts';
import type { Web } from './web.ts';

export interface PrometheusOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Listens already, and is taken instead of {@link host} and {@link port}. */
  readonly socket?: { readonly fd: number; readonly name: string } | undefined;
  /** TLS and who may ask; null: plain HTTP for everybody. */
  readonly web: Web | null;
  readonly readiness: () => Readiness;
  /** Of the last OOM kills, oldest first. */
  readonly records: () => readonly OomRecord[];
  /** Told how long each scrape took to be answered. */
  readonly onScrape?: (ms: number) => void;
  /** Called for each answer that fails. */
  readonly onError: (error: unknown) => void;
}

/** The endpoint cannot listen; the message names the cure. */
export class ListenError extends Error {
  override name = 'ListenError';
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
const compress = promisify(gzip);

/** How long a connection may be idle, a request may take to arrive, and its answer to be read on, in ms. */
const KEEP_ALIVE_MS = 65_000;
const REQUEST_MS = 5000;
const READ_MS = 10_000;
/** How often requests that take too long are looked for, in ms: Node's 30 s would be their true limit. */
const CHECK_MS = 1000;
/** How long answers may take once it stops, and the collection is made. */
const LAST_ANSWER_MS = 500;
const MAX_HEADER_BYTES = 16 << 10;
/** More are closed as they come; each that may ask is answered, if only by a 503 where too many scrapes wait. */
const MAX_CONNECTIONS = 2000;
const MAX_SCRAPES = 1000;

export class PrometheusEndpoint {
  readonly #options: PrometheusOptions;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #scrapes: Scrapes | null = null;
  /** Whose answers are not yet read. */
  #unread = 0;
  #stopped: Promise<void> | null = null;

  constructor(options: PrometheusOptions) {
    this.#options = options;
    const limits = { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: CHECK_MS };
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => {
        options.onError(error);
        response.destroy();
      });
    };
    this.#server = options.web?.createServer(limits, answer) ?? createServer(limits, answer);
    this.#server.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.#server.requestTimeout = REQUEST_MS;
    this.#server.headersTimeout = REQUEST_MS;
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** What the next scrape gets, from now on; one under way gets what it asked for. */
  serve(scrapes: Scrapes | null): void {
    this.#scrapes = scrapes;
  }

  /** @returns the URL of the metrics, or the name of a Unix socket. Throws {@link ListenError}. */
  async start(): Promise<string> {
    const { host, port, socket } = this.#options;
    const where = socket === undefined ? { host, port } : { fd: socket.fd };
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        // The default backlog of 511 resets connections when a thousand scrapers come at once.
        this.#server.listen({ ...where, backlog: MAX_CONNECTIONS }, () => {
          this.#server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const problem =
        socket === undefined
          ? listenProblem(error as NodeJS.ErrnoException, host, port)
          : `Cannot listen on the socket "${socket.name}" that systemd hands over as descriptor ${socket.fd}: ${code} (it must be a stream socket that listens: ListenStream= in its unit)`;
      throw new ListenError(problem, { cause: error });
    }
    const address = this.#server.address() as AddressInfo | null;
    if (address === null) return `unix:${socket?.name}`;
    const scheme = this.#options.web?.current().tls ? 'https' : 'http';
    return `${scheme}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/metrics`;
  }

  /** Lets answers under way finish, takes no new ones. Safe to call twice, and before {@link start}. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await this.#scrapes?.settle();
    // Whoever has not read the answer by then does not keep the process alive.
    const hurry = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy();
    }, LAST_ANSWER_MS);
    await closed;
    clearTimeout(hurry);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setTimeout(READ_MS + (this.#scrapes?.timeoutMs ?? 0), () => response.destroy());
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      response.setHeader('connection', 'close'); // it may have a body that nobody wants
      return send(response, 405, 'Only GET and HEAD are answered here\n');
    }
    if (!this.#server.listening) response.setHeader('connection', 'close');
    if (hasBody(request)) {
      response.setHeader('connection', 'close');
      return send(response, 413, 'A request here has no body\n');
    }
    const { web } = this.#options;
    for (const [name, value] of Object.entries(web?.current().headers ?? {})) response.setHeader(name, value);
    const verdict = (await web?.judge(request.headers.authorization)) ?? 'right';
    if (verdict === 'busy') return send(response, 503, 'Too many passwords at once\n');
    if (verdict === 'wrong') {
      response.setHeader('www-authenticate', 'Basic');
      return send(response, 401, 'This needs a user and a password\n');
    }
    const { path, query } = parseTarget(request.url);
    switch (path) {
      case '/metrics':
        return this.#answerMetrics(request, response);
      case '/healthz':
        return send(response, 200, 'ok\n');
      case '/readyz': {
        const readiness = this.#options.readiness();
        return send(
          response,
          readiness.ready ? 200 : 503,
          `${JSON.stringify(readiness, null, 2)}\n`,
          'application/json',
        );
      }
      case '/oom':
        return this.#answerOom(query, response);
      case '/':
        return send(response, 200, page(this.#options.readiness()), 'text/html; charset=utf-8');
      default:
        return send(response, 404, 'Nothing is here; the metrics are at /metrics\n');
    }
  }

  #answerOom(query: string, response: ServerResponse): void {
    try {
      send(response, 200, oomList(this.#options.records(), query), 'application/json');
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      send(response, 400, `${error.message}\n`);
    }
  }

  async #answerMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#scrapes === null) return send(response, 503, 'Floatie is not measuring yet\n');
    if (this.#unread >= MAX_SCRAPES) return send(response, 503, 'Too many scrapes at once\n');
    this.#unread++;
    const began = performance.now();
    response.once('finish', () => this.#options.onScrape?.(performance.now() - began));
    response.once('close', () => this.#unread--);
    let body: Body;
    try {
      body = await this.#scrapes.body();
    } catch (error) {
      return send(response, 503, `The metrics could not be collected: ${reasonOf(error)}\n`);
    }
    response.setHeader('vary', 'accept-encoding');
    if (!acceptsGzip(request)) return send(response, 200, body.bytes, TEXT);
    body.compressed ??= compress(body.bytes) as Promise<Buffer>;
    response.setHeader('content-encoding', 'gzip');
    return send(response, 200, await body.compressed, TEXT);
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = String(request.headers['accept-encoding'] ?? '').split(',');
  return accepted.some((coding) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding));
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  });
  // node:http sends no body in answer to HEAD.
  response.end(body);
}

/** What keeps it from listening, and the cure in parentheses. */
export function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  const where = `Cannot listen on ${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE': {
      const prometheus = port === 9090 ? ', perhaps Prometheus itself, whose own port this is' : '';
      return `${where}: another program does${prometheus} (choose another port: --set exporters.prometheus.port=9435)`;
    }
    case 'EACCES':
      return `${where}: ports below 1024 need CAP_NET_BIND_SERVICE (choose another: --set exporters.prometheus.port=9435)`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: this machine has no such address (set exporters.prometheus.host to one it has, or to 0.0.0.0)`;
    default:
      return `${where}: ${message}`;
  }
}
