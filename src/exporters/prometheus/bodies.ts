/** The bodies of answers that are not yet read: one for all who ask for the same, the last one where it gets too much. */
import type { Clients } from './clients.ts';

export interface Body {
  readonly status: number;
  readonly type: string;
  /** One copy for all who read it, however slowly. */
  readonly bytes: Buffer;
  /** Worth being compressed for those who take it so. */
  readonly isLong?: boolean;
  /** Made when the first one asks for it. */
  compressed?: Promise<Buffer>;
}

/** What is asked for. */
export interface Wanted {
  readonly key: string;
  /** What the body depends on: the same version is the same body. undefined: each is another one. */
  readonly version?: unknown;
  make(): Body | Promise<Body>;
}

interface Held extends Pick<Wanted, 'key' | 'version'> {
  readonly body: Body;
  readers: number;
  bytes: number;
}

/** Too many answers are not yet read for this one to be made. */
export class TooManyUnread extends Error {
  override name = 'TooManyUnread';
}

/** As many of these as there can be connections may be in memory. */
const SMALL_BYTES = 16 << 10;

export class Bodies {
  readonly #clients: Clients;
  /** Those that are being read, by their key, oldest first; small ones are none of them. */
  readonly #held = new Map<string, Held[]>();

  constructor(clients: Clients) {
    this.#clients = clients;
  }

  /**
   * A body to answer with. Throws {@link TooManyUnread}.
   *
   * @returns with what is to be called once it is read
   */
  async take({ key, version, make }: Wanted): Promise<{ readonly body: Body; readonly release: () => void }> {
    const last = this.#held.get(key)?.at(-1);
    if (last !== undefined) {
      const isSame = version !== undefined && version === last.version;
      if (isSame || !this.#clients.hasRoomFor(last.body.bytes.length)) return this.#read(last);
    }
    const body = await make();
    const bytes = body.bytes.length;
    if (bytes <= SMALL_BYTES) return { body, release: () => undefined };
    const same = this.#held.get(key)?.find((held) => held.body === body);
    if (same !== undefined) return this.#read(same);
    if (!this.#clients.hasRoomFor(bytes, 2)) throw new TooManyUnread();
    return this.#read({ key, version, body, readers: 0, bytes });
  }

  /** A body that is being read takes this much more. */
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
    };
    return { body, release };
  }
}
