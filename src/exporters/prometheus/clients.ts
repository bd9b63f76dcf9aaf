/** Bounds the connections and the memory that clients take over all endpoints, and chooses what to close. */
import { readFileSync } from 'node:fs';
import { maxFds } from '../../program/descriptors.ts';

export interface Client {
  destroy(): void;
}

/** Why a connection was closed, or a request refused. */
export const DROP_REASONS = ['idle', 'unread', 'slow', 'pipelined', 'busy', 'passwords'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface ClientsOptions {
  /** The limit of open files of this process; null: no limit. */
  readonly maxDescriptors?: () => number | null;
  readonly onDrop?: (reason: DropReason) => void;
}

const MAX_CONNECTIONS = 2000;
/** File descriptors that clients must leave for the receivers. */
const RESERVED_DESCRIPTORS = 128;
/** Bytes of pipelined requests. */
const MAX_WAITING_BYTES = 2 << 20;
/** Bytes of unread answers, each body counted once. */
const MAX_UNREAD_BYTES = 4 << 20;

export class Clients {
  readonly #options: ClientsOptions;
  /** Connections without a request under way, the longest idle first. */
  readonly #idle = new Set<Client>();
  /** Connections that are being answered, the earliest request first. */
  readonly #busy = new Set<Client>();
  readonly #dropped = new Map<DropReason, number>(DROP_REASONS.map((reason) => [reason, 0]));
  #waitingBytes = 0;
  #unreadBytes = 0;

  constructor(options: ClientsOptions = {}) {
    this.#options = options;
  }

  /** The number of closed connections and refused requests by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped;
  }

  get connections(): number {
    return this.#idle.size + this.#busy.size;
  }

  /** Adds a connection. Without room, the one that has been idle for longest is closed. */
  enter(client: Client): void {
    while (this.connections > 0 && this.connections >= this.#maxConnections()) this.#close();
    this.#idle.add(client);
  }

  asks(client: Client): void {
    if (this.#idle.delete(client)) this.#busy.add(client);
  }

  isAnswered(client: Client): void {
    if (this.#busy.delete(client)) this.#idle.add(client);
  }

  leave(client: Client): void {
    this.#idle.delete(client);
    this.#busy.delete(client);
  }

  /** Adds bytes of pipelined requests; a negative number removes them. */
  wait(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  /** Whether pipelined requests take more memory than allowed. */
  get tooManyWait(): boolean {
    return this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** Adds bytes of a body that is being read; a negative number removes them. */
  hold(bytes: number): void {
    this.#unreadBytes += bytes;
  }

  /**
   * Whether a body of this size fits beside the unread ones. One body fits beside another one of any size: a slow
   * reader must not hold all others at an old body.
   *
   * @param share how often the limit may be used: 1, or 2 where no earlier body can be served instead
   */
  hasRoomFor(bytes: number, share: 1 | 2 = 1): boolean {
    return this.#unreadBytes + bytes <= share * Math.max(MAX_UNREAD_BYTES, 2 * bytes);
  }

  drop(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    this.#options.onDrop?.(reason);
  }

  /** Closes a connection: the longest idle one, else the one whose answer has taken longest. */
  #close(): void {
    const [idle] = this.#idle;
    const [client = idle] = idle === undefined ? this.#busy : this.#idle;
    if (client === undefined) return;
    this.drop(idle === undefined ? 'unread' : 'idle');
    this.leave(client);
    client.destroy();
  }

  #maxConnections(): number {
    const { maxDescriptors = readMaxDescriptors } = this.#options;
    const limit = maxDescriptors() ?? Number.POSITIVE_INFINITY;
    // With a very low limit, clients get only a quarter of it.
    return Math.min(MAX_CONNECTIONS, Math.max(limit - RESERVED_DESCRIPTORS, Math.floor(limit / 4)));
  }
}

/** Reads the current limit, which can be changed from outside. */
function readMaxDescriptors(): number | null {
  return maxFds(readFileSync('/proc/self/limits', 'utf8'));
}
