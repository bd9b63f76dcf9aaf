/** What clients can make Floatie hold, over all its endpoints: how much of each there may be, and what gives way. */
import { readFileSync } from 'node:fs';
import { maxFds } from '../../program/descriptors.ts';

/** A connection as far as it concerns making room. */
export interface Client {
  destroy(): void;
}

/** Why a connection was closed, or a request refused. */
export const DROP_REASONS = ['idle', 'unread', 'pipelined', 'busy', 'passwords'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface ClientsOptions {
  /** How many descriptors this process may have open; null: no limit. */
  readonly maxDescriptors?: () => number | null;
  /** Told of each drop. */
  readonly onDrop?: (reason: DropReason) => void;
}

const MAX_CONNECTIONS = 2000;
/** Of the descriptors that this process may have, these are left for what it measures with. */
const RESERVED_DESCRIPTORS = 128;
/** Bytes of requests that wait for an answer before them. */
const MAX_WAITING_BYTES = 4 << 20;
/** Bytes of answers that are not yet read, each body counted once. */
const MAX_UNREAD_BYTES = 16 << 20;

export class Clients {
  readonly #options: ClientsOptions;
  /** Those that asked nothing, or have their answer; in the order in which they have been so. */
  readonly #idle = new Set<Client>();
  /** Those that are being answered, in the order in which they asked. */
  readonly #busy = new Set<Client>();
  readonly #dropped = new Map<DropReason, number>(DROP_REASONS.map((reason) => [reason, 0]));
  #waitingBytes = 0;
  #unreadBytes = 0;

  constructor(options: ClientsOptions = {}) {
    this.#options = options;
  }

  /** What was closed or refused, by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped;
  }

  get connections(): number {
    return this.#idle.size + this.#busy.size;
  }

  /** Somebody connected. Where there is no room, the one that has been idle for longest is closed. */
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

  /** Bytes of requests that wait are held from now on, or no more where it is negative. */
  wait(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  /** Whether more requests wait than may. */
  get tooManyWait(): boolean {
    return this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** Bytes of a body that somebody reads are held from now on, or no more where it is negative. */
  hold(bytes: number): void {
    this.#unreadBytes += bytes;
  }

  /**
   * Whether a body of this size, beside those that are not yet read, would be too much. However large a body is, another
   * one may be made beside it: who reads slowly must not keep everybody at an old one.
   *
   * @param share of what may be unread: 1, or 2 where there is nothing that could be served in its place
   */
  hasRoomFor(bytes: number, share: 1 | 2 = 1): boolean {
    return this.#unreadBytes + bytes <= share * Math.max(MAX_UNREAD_BYTES, 2 * bytes);
  }

  drop(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    this.#options.onDrop?.(reason);
  }

  /** One connection less: for want of an idle one, the one whose answer is taken for longest. */
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
    // Where there are very few, most are not for clients either.
    return Math.min(MAX_CONNECTIONS, Math.max(limit - RESERVED_DESCRIPTORS, Math.floor(limit / 4)));
  }
}

/** As it is now: it can be changed from outside, and is what really counts. */
function readMaxDescriptors(): number | null {
  return maxFds(readFileSync('/proc/self/limits', 'utf8'));
}
