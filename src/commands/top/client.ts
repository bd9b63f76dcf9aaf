/** Asks a running Floatie, each time only for what has changed. */
import type { Containers } from '../../history/schema.ts';
import type { Event, Events } from '../../page/events.ts';
import type { Readiness } from '../../program/health.ts';
import { reasonOf } from '../../program/reason.ts';

export interface Data {
  /** null: that Floatie keeps no history. */
  readonly answer: Containers | null;
  readonly events: Events;
  readonly readiness: Readiness;
}

/** The lists of records. */
export const LISTS: readonly string[] = ['/oom', '/kills', '/slow'];
const MAX_EVENTS = 200;
const TIMEOUT_MS = 5000;

/** Nobody listens there. */
export class Unreachable extends Error {
  override name = 'Unreachable';
}

export class Client {
  /** Without user and password. */
  readonly place: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** The last answer at each path with its query, with its ETag. */
  readonly #known = new Map<string, { readonly tag: string; readonly answer: unknown }>();

  /** @param url with user and password where it needs them. Throws for what is no URL */
  constructor(url: string) {
    const { protocol, username, password, origin } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') throw new Error('begins with neither http:// nor https://');
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#headers = username === '' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
    this.place = origin;
  }

  /** Throws with what helps. @param hasSeries whether the last five minutes are wanted, step by step */
  async ask(hasSeries = true): Promise<Data> {
    const [answer, readiness, ...lists] = await Promise.all([
      this.#get<Containers>('/api/v1/containers', hasSeries ? '' : '?steps=0'),
      this.#get<Readiness>('/readyz'),
      ...LISTS.map((path) => this.#get<{ readonly records: readonly Event[] }>(path, `?limit=${MAX_EVENTS}`)),
    ]);
    if (!Array.isArray(readiness?.probes)) throw new Error(`${this.place} answers, but not as Floatie does`);
    return { answer, readiness, events: new Map(LISTS.map((path, at) => [path, lists[at]?.records ?? []])) };
  }

  /** @returns null where that Floatie has nothing there */
  async #get<Answer>(path: string, query = ''): Promise<Answer | null> {
    const known = this.#known.get(path + query);
    const headers = { ...this.#headers, ...(known !== undefined && { 'if-none-match': known.tag }) };
    const response = await fetch(`${this.place}${path}${query}`, {
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: Error) => {
      const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
      const why = `Cannot reach Floatie at ${this.place}: ${reasonOf(error.cause ?? error)}`;
      throw code === 'ECONNREFUSED' ? new Unreachable(`${why} (does it run? --url names its place)`) : new Error(why);
    });
    if (response.status === 304) return known?.answer as Answer;
    if (response.status === 401) {
      throw new Error(`${this.place} needs a user and a password: they stand in --url, before the host`);
    }
    if (response.status === 404) return null;
    // Readiness has a body also where it is not ready.
    if (!response.ok && path !== '/readyz') throw new Error(`${this.place}${path} answers with ${response.status}`);
    const answer = await response.json().catch(() => {
      throw new Error(`${this.place} answers, but not as Floatie does`);
    });
    const tag = response.headers.get('etag');
    if (tag !== null) this.#known.set(path + query, { tag, answer });
    return answer as Answer;
  }
}
