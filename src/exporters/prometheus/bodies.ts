/** The bodies of unread answers: one for all clients that ask for the same; the last one again when memory is short. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Clients } from './clients.ts';

export interface Body {
  readonly status: number;
  /** The memory that it takes while it is read, in bytes, without a chunk for each of its readers. */
  readonly size: number;
  /**
   * The form that a client with these headers gets.
   *
   * @param onGrow called with the further memory that this form takes, in bytes; negative when it is free again
   */
  contentFor(headers: IncomingHttpHeaders, onGrow: (bytes: number) => void): Content;
  /** Called when the last reader has gone. */
  close?(): void;
}

export interface Content {
  /** In place of that of the body. */
  readonly status?: number;
  readonly headers: OutgoingHttpHeaders;
  readonly chunks: Chunks;
}

/** Chunks of some 8 kB for any number of readers, each of which counts its own way through them. */
export interface Chunks {
  /** To be waited for before the first chunk. */
  prepare?(): Promise<void>;
  /** @returns null behind the last one */
  chunk(number: number): Buffer | null | Promise<Buffer | null>;
}

export interface Wanted {
  readonly key: string;
  /** Equal versions have equal bodies; undefined: every body differs. */
  readonly version?: unknown;
  make(): Body | Promise<Body>;
}

interface Held extends Pick<Wanted, 'key' | 'version'> {
  readonly body: Body;
  readers: number;
  bytes: number;
}

/** Unread answers leave no memory for another one. */
export class TooManyUnread extends Error {
  override name = 'TooManyUnread';
}

/** Bodies up to this size are not counted, nor is a chunk: one for each possible connection fits into memory. */
const SMALL_BYTES = 8 << 10;

export class Bodies {
  readonly #clients: Clients;
  /** Bodies that are being read, without small ones, by key; oldest first. */
  readonly #held = new Map<string, Held[]>();

  constructor(clients: Clients) {
    this.#clients = clients;
  }

  /**
   * Returns a body, and `release`, which the caller calls once the client has read it. Throws {@link TooManyUnread}.
   */
  async take({ key, version, make }: Wanted): Promise<{ readonly body: Body; readonly release: () => void }> {
    const last = this.#held.get(key)?.at(-1);
    if (last !== undefined) {
      const isSame = version !== undefined && version === last.version;
      if (isSame || !this.#clients.hasRoomFor(last.body.size)) return this.#read(last);
    }
    const body = await make();
    const bytes = body.size;
    if (bytes <= SMALL_BYTES) return { body, release: () => undefined };
    const same = this.#held.get(key)?.find((held) => held.body === body);
    if (same !== undefined) return this.#read(same);
    if (!this.#clients.hasRoomFor(bytes, 2)) throw new TooManyUnread();
    return this.#read({ key, version, body, readers: 0, bytes });
  }

  /** Counts further memory of a body that is being read, such as its compressed form. */
  grow(key: string, body: Body, bytes: number): void {
    const held = this.#held.get(key)?.find((held) => held.body === body);
    if (held === undefined) return;
    held.bytes += bytes;
    this.#clients.hold(bytes);
  }

  #read(held: Held): { body: Body; release: () => void } {
    const { key, body } = held;
    if (held.readers++ === 0) {
      this.#held.set(key, [...(this.#held.get(key) ?? []), held]);
      this.#clients.hold(held.bytes);
    }
    const release = (): void => {
      if (--held.readers > 0) return;
      this.#clients.hold(-held.bytes);
      const others = this.#held.get(key)?.filter((other) => other !== held) ?? [];
      if (others.length > 0) this.#held.set(key, others);
      else this.#held.delete(key);
      body.close?.();
    };
    return { body, release };
  }
}
