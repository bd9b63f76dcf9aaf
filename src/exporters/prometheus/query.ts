/** What a client may ask of a list: the form that all lists share. */

/** An invalid query; the message names the cure. */
export class QueryError extends Error {
  override name = 'QueryError';
}

export interface Query {
  /** How many are wanted at most. */
  readonly limit?: number;
  /** Only what is later, in ms since 1970. */
  readonly sinceMs?: number;
  /** Only of this container, by its id, the first 12 or more characters of it, its name, or a cgroup. */
  readonly container?: string;
  /** How many steps each series has at most; 0: only what is now. */
  readonly steps?: number;
}

/** RFC 3339. */
const TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * @param query the part behind the `?`; what is not known is ignored
 * @throws {@link QueryError}
 */
export function parseQuery(path: string, query: string): Query {
  const given = new URLSearchParams(query);
  const limit = one(given, 'limit', /^0*[1-9]\d*$/, `one whole number from 1 on, as in ${path}?limit=10`);
  const example = `one time as RFC 3339 has it, as in ${path}?since=2026-01-02T03:04:05Z`;
  const since = one(given, 'since', TIME, example);
  const sinceMs = since === undefined ? undefined : Date.parse(since);
  if (Number.isNaN(sinceMs)) throw new QueryError(`since must be ${example}`);
  const steps = one(given, 'steps', /^\d+$/, `one whole number from 0 on, as in ${path}?steps=0`);
  const container = one(given, 'container', /./s, `the id, the name or the cgroup of one container`);
  return {
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(container !== undefined && { container }),
    ...(steps !== undefined && { steps: Number(steps) }),
  };
}

function one(given: URLSearchParams, name: string, form: RegExp, must: string): string | undefined {
  const values = given.getAll(name);
  if (values.length > 1 || values.some((value) => !form.test(value))) {
    throw new QueryError(`${name} must be ${must}`);
  }
  return values[0];
}

/** The shortest part of an id that is taken for it, as `docker ps` shows it. */
const SHORT_ID = 12;

/** Whether an owner is the container that a query names. */
export function isNamed(
  wanted: string,
  { id, name, cgroup }: { readonly id?: unknown; readonly name?: unknown; readonly cgroup?: unknown },
): boolean {
  if ([id, name, cgroup].includes(wanted)) return true;
  return wanted.length >= SHORT_ID && typeof id === 'string' && id.startsWith(wanted);
}
