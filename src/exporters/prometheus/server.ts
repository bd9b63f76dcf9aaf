/** The HTTP server of the Prometheus endpoint; a reload replaces its reader. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { reasonOf } from '../../program/reason.ts';
import { isLoopback } from './address.ts';
import { Bodies, TooManyUnread } from './bodies.ts';
import type { Clients } from './clients.ts';
import { Gate } from './gate.ts';
import { isOwnHost } from './hosts.ts';
import { cannotListen, cannotListenOn } from './listen.ts';
import { respond } from './respond.ts';
import { routeOf, type Sources } from './routes.ts';
import type { Scrapes } from './scrapes.ts';
import { parseTarget } from './target.ts';
import { text } from './texts.ts';
import type { Web } from './web.ts';

export interface PrometheusOptions extends Omit<Sources, 'scrapes' | 'isPublic'> {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A socket that listens already, used instead of {@link host} and {@link port}. */
  readonly socket?: { readonly fd: number; readonly name: string } | undefined;
  /** TLS and authentication; null: plain HTTP without passwords. */
  readonly web: Web | null;
  /** The clients of all endpoints. */
  readonly clients: Clients;
  /** Called with the duration of each answered scrape, in ms. */
  readonly onScrape?: (ms: number) => void;
  /** Called for each answer that fails. */
  readonly onError: (error: unknown) => void;
}

/** The timeout in ms of an idle connection, of receiving a request, and of a client that reads nothing. */
const KEEP_ALIVE_MS = 65_000;
const REQUEST_MS = 5000;
const READ_MS = 10_000;
/** The timeout in ms of reading an answer as a whole. */
const ANSWER_MS = 60_000;
/** How often Node checks the timeout of requests, in ms: its default of 30 s would be the real timeout. */
const CHECK_MS = 1000;
/** How long answers may take at the stop, after the last collection, in ms. */
const LAST_ANSWER_MS = 500;
const MAX_HEADER_BYTES = 16 << 10;
/** The default of 511 resets connections when a thousand scrapers come at once. */
const BACKLOG = 2000;

const OTHER_HOST =
  'This is not known here as the host that is asked for: name it in exporters.prometheus.allowed_hosts, or ask for localhost\n';

export class PrometheusEndpoint {
  readonly #options: PrometheusOptions;
  readonly #server: Server;
  readonly #connections = new Set<Gate | Socket>();
  /** Connections in a TLS handshake, by peer: after the handshake the connection is another object. */
  readonly #handshakes = new Map<string, Socket>();
  #bodies: Bodies;
  #scrapes: Scrapes | null = null;
  #allowedHosts: readonly string[] = [];
  /** From other machines. */
  #isReachable = true;
  #stopped: Promise<void> | null = null;

  constructor(options: PrometheusOptions) {
    this.#options = options;
    this.#bodies = new Bodies(options.clients);
    const limits = { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: CHECK_MS };
    this.#server = options.web?.createServer(limits) ?? createServer(limits);
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.#server.requestTimeout = REQUEST_MS;
    this.#server.headersTimeout = REQUEST_MS;
    const isTls = options.web?.current().tls != null;
    if (isTls) this.#server.prependListener('connection', (socket: Socket) => this.#shakeHands(socket));
    if (isTls) this.#server.prependListener('secureConnection', (socket: Socket) => this.#agreed(socket));
    // node:http gets the gate instead of the connection.
    const event = isTls ? 'secureConnection' : 'connection';
    const [serve] = this.#server.listeners(event).slice(-1);
    this.#server.off(event, serve as () => void).on(event, (socket: Socket) => {
      const gate = new Gate(socket, options.clients);
      this.#remember(gate);
      serve?.call(this.#server, gate);
    });
    for (const event of ['request', 'checkExpectation']) {
      this.#server.on(event, (request: IncomingMessage, response: ServerResponse) => {
        this.#answer(request, response).catch((error: unknown) => {
          options.onError(error);
          response.destroy(); // an answer that ends early must not look like a whole one
        });
      });
    }
  }

  /**
   * Replaces the reader for all further scrapes.
   *
   * @param allowedHosts further names of this machine, for requests over loopback
   */
  serve(scrapes: Scrapes | null, allowedHosts: readonly string[] = []): void {
    this.#scrapes = scrapes;
    this.#allowedHosts = allowedHosts;
    this.#bodies = new Bodies(this.#options.clients);
  }

  /** @returns the URL of the metrics, or the name of a Unix socket. Throws a {@link Refusal}. */
  async start(): Promise<string> {
    const { host, port, socket, onError } = this.#options;
    const where = socket === undefined ? { host, port } : { fd: socket.fd };
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen({ ...where, backlog: BACKLOG }, () => {
          this.#server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      throw socket === undefined ? cannotListen(failure, host, port) : cannotListenOn(socket.name, socket.fd, failure);
    }
    // A connection that cannot be accepted, for lack of file descriptors.
    this.#server.on('error', (error) => onError(new Error(`Cannot accept a connection: ${reasonOf(error)}`)));
    const address = this.#server.address() as AddressInfo | null;
    this.#isReachable = address !== null && !isLoopback(address.address);
    if (address === null) return `unix:${socket?.name}`;
    const scheme = this.#options.web?.current().tls ? 'https' : 'http';
    return `${scheme}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/metrics`;
  }

  /** Stops listening and lets answers under way finish. Safe to call twice, and before {@link start}. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) {
      if (!(connection instanceof Gate && connection.isBusy)) connection.destroy();
    }
    if (this.#connections.size > 0) await this.#scrapes?.settle();
    // A client that has not read its answer by then does not keep the process alive.
    const hurry = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, LAST_ANSWER_MS);
    await closed;
    clearTimeout(hurry);
  }

  /** A connection in its TLS handshake counts as well. */
  #shakeHands(socket: Socket): void {
    const { clients } = this.#options;
    const peer = peerOf(socket);
    clients.enter(socket);
    this.#remember(socket);
    this.#handshakes.set(peer, socket);
    socket.once('close', () => {
      clients.leave(socket);
      if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
    });
  }

  /** After the handshake the gate counts in place of the connection. */
  #agreed(secure: Socket): void {
    const peer = peerOf(secure);
    const socket = this.#handshakes.get(peer);
    if (socket !== undefined) this.#options.clients.leave(socket);
    this.#handshakes.delete(peer);
  }

  #remember(connection: Gate | Socket): void {
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { web, clients, onScrape, onError, ...sources } = this.#options;
    const connection: unknown = request.socket;
    if (connection instanceof Gate) response.once('close', () => connection.next());
    this.#limit(response);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      response.setHeader('connection', 'close'); // a body of the request is not read
      return respond(request, response, text(405, 'Only GET and HEAD are answered here\n'));
    }
    if (!this.#server.listening) response.setHeader('connection', 'close');
    if (hasBody(request)) {
      response.setHeader('connection', 'close');
      return respond(request, response, text(413, 'A request here has no body\n'));
    }
    if (!this.#isMeant(request)) return respond(request, response, text(403, OTHER_HOST));
    for (const [name, value] of Object.entries(web?.current().headers ?? {})) response.setHeader(name, value);
    const verdict = (await web?.judge(request.headers.authorization, request.socket.remoteAddress)) ?? 'right';
    if (verdict === 'busy') {
      clients.drop('passwords');
      return respond(request, response, text(503, 'Too many passwords at once\n'));
    }
    if (verdict === 'wrong') {
      response.setHeader('www-authenticate', 'Basic');
      return respond(request, response, text(401, 'This needs a user and a password\n'));
    }
    const target = parseTarget(request.url);
    if (target.path === '/metrics') {
      const began = performance.now();
      response.once('finish', () => onScrape?.(performance.now() - began));
    }
    const bodies = this.#bodies;
    const isPublic = this.#isReachable && !web?.isProtected;
    const route = routeOf(target, { ...sources, isPublic, scrapes: () => this.#scrapes });
    try {
      const { body, release } = await bodies.take(route);
      if (response.closed) return release();
      response.once('close', release);
      await respond(request, response, body, {
        grow: (bytes) => bodies.grow(route.key, body, bytes),
        hasRoomFor: (bytes) => clients.hasRoomFor(bytes),
      });
    } catch (error) {
      if (response.headersSent) throw error;
      if (error instanceof TooManyUnread) {
        clients.drop('busy');
        return respond(request, response, text(503, 'Too many answers are not yet read\n'));
      }
      onError(error);
      await respond(request, response, text(503, `The answer cannot be written: ${reasonOf(error)}\n`));
    }
  }

  /**
   * Over plain HTTP on loopback the client may be a browser under DNS rebinding; over TLS that page has no certificate.
   */
  #isMeant({ headers, socket }: IncomingMessage): boolean {
    if (!isLoopback(socket.remoteAddress) || this.#options.web?.current().tls != null) return true;
    return isOwnHost(headers.host, [this.#options.host, ...this.#allowedHosts]);
  }

  /** Closes the connection of a client that does not read its answer in time. */
  #limit(response: ServerResponse): void {
    const timeoutMs = this.#scrapes?.timeoutMs ?? 0;
    const drop = (): void => {
      if (response.closed || response.destroyed) return;
      this.#options.clients.drop('slow');
      response.destroy();
    };
    response.setTimeout(READ_MS + timeoutMs, drop);
    const deadline = setTimeout(drop, ANSWER_MS + timeoutMs).unref();
    response.once('close', () => clearTimeout(deadline));
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
