/** Basic authentication against bcrypt hashes. */
import { createHmac, randomBytes } from 'node:crypto';
import { networkOf } from './address.ts';
import { Comparer } from './bcrypt.ts';

export type Verdict = 'right' | 'wrong' | 'busy';

/** The limits of waiting comparisons: each guess costs one, which takes 0.1 s or more. */
const MAX_OF_NETWORK = 16;
const MAX_WAITING = 256;

interface Comparison {
  readonly result: Promise<boolean>;
  run(): Promise<void>;
}

export class Passwords {
  /** Keys the digests, so that no password can be guessed from memory. */
  readonly #secret = randomBytes(32);
  /** Digests of the last correct credentials by user, which need no further comparison. */
  readonly #right = new Map<string, string>();
  /** By digest. */
  readonly #waiting = new Map<string, Comparison>();
  /** By the client's network. The networks take turns, so that one client's guesses do not delay others. */
  readonly #queues = new Map<string, Comparison[]>();
  readonly #comparer = new Comparer();
  #isComparing = false;

  /** @param users bcrypt hashes by name */
  async judge(
    authorization: string | undefined,
    users: ReadonlyMap<string, string>,
    address: string | undefined,
  ): Promise<Verdict> {
    const encoded = /^basic +([a-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return 'wrong';
    const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    // An unknown user takes as long as a known one.
    const hash = users.get(user) ?? users.values().next().value ?? '';
    const digest = createHmac('sha256', this.#secret)
      .update(JSON.stringify([user, hash, password]))
      .digest('hex');
    if (this.#right.get(user) === digest) return 'right';
    const comparison =
      this.#waiting.get(digest) ??
      this.#queue(networkOf(address), digest, () => this.#comparer.matches(password, hash));
    if (comparison === null) return 'busy';
    if (!(await comparison.result) || !users.has(user)) return 'wrong';
    this.#right.set(user, digest);
    return 'right';
  }

  /** @returns null where too many wait */
  #queue(network: string, digest: string, compare: () => Promise<boolean>): Comparison | null {
    const queue = this.#queues.get(network) ?? [];
    if (queue.length >= MAX_OF_NETWORK || this.#waiting.size >= MAX_WAITING) return null;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const comparison = { result: promise, run: () => compare().then(resolve, reject) };
    this.#waiting.set(digest, comparison);
    promise.catch(() => undefined).finally(() => this.#waiting.delete(digest));
    this.#queues.set(network, [...queue, comparison]);
    void this.#work();
    return comparison;
  }

  async #work(): Promise<void> {
    if (this.#isComparing) return;
    this.#isComparing = true;
    for (let next = this.#next(); next !== null; next = this.#next()) await next.run();
    this.#isComparing = false;
  }

  /** Takes a comparison of the network whose last turn is longest ago. */
  #next(): Comparison | null {
    for (const [network, [first, ...others]] of this.#queues) {
      this.#queues.delete(network);
      if (others.length > 0) this.#queues.set(network, others);
      if (first !== undefined) return first;
    }
    return null;
  }
}
