/** Basic authentication against bcrypt hashes. */
import { createHmac, randomBytes } from 'node:crypto';
import { matchesHash } from './bcrypt.ts';

export type Verdict = 'right' | 'wrong' | 'busy';

/** Comparisons that may wait for each other; each guess costs one. */
const MAX_WAITING = 16;

export class Passwords {
  /** So that memory never holds what a password could be guessed from. */
  readonly #secret = randomBytes(32);
  /** Digests of the last right credentials, by user: those cost a comparison only once. */
  readonly #right = new Map<string, string>();
  readonly #waiting = new Map<string, Promise<boolean>>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param users bcrypt hashes by name */
  async judge(authorization: string | undefined, users: ReadonlyMap<string, string>): Promise<Verdict> {
    const encoded = /^basic +([a-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return 'wrong';
    const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    // A name that nobody has takes as long as one that somebody has.
    const hash = users.get(user) ?? users.values().next().value ?? '';
    const digest = createHmac('sha256', this.#secret)
      .update(JSON.stringify([user, hash, password]))
      .digest('hex');
    if (this.#right.get(user) === digest) return 'right';
    let comparison = this.#waiting.get(digest);
    if (comparison === undefined) {
      if (this.#waiting.size >= MAX_WAITING) return 'busy';
      comparison = this.#last.then(() => matchesHash(password, hash)).finally(() => this.#waiting.delete(digest));
      this.#waiting.set(digest, comparison);
      this.#last = comparison.catch(() => undefined);
    }
    if (!(await comparison) || !users.has(user)) return 'wrong';
    this.#right.set(user, digest);
    return 'right';
  }
}
