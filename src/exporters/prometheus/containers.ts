/** The answer at `/api/v1/containers`, for all of them or some. */
import { containersAnswer } from '../../history/answer.ts';
import type { History } from '../../history/history.ts';
import type { Body, Wanted } from './bodies.ts';
import { isNamed, type Query } from './query.ts';
import { json } from './texts.ts';

export const CONTAINERS_PATH = '/api/v1/containers';

/** The last answer of each history: pages ask for the same one each second. */
const last = new WeakMap<History, { readonly key: string; readonly version: object; readonly body: Body }>();
/** A larger one is made anew, rather than held. */
const KEPT_BYTES = 1 << 20;

export function containersWanted(history: History, { container, limit = Number.POSITIVE_INFINITY }: Query): Wanted {
  history.watch();
  const names = (attributes: Readonly<Record<string, unknown>>) => ({
    id: attributes['container.id'],
    name: attributes['container.name'],
    cgroup: attributes.cgroup,
  });
  const all = [...history.containers];
  const keys = all
    .filter(([, { attributes }]) => container === undefined || isNamed(container, names(attributes)))
    .map(([key]) => key);
  // No more than there are, so that keys of answers are a bounded set.
  const part = keys.length === 0 ? 'none' : `${container ?? ''}&${Math.min(limit, keys.length)}`;
  // An answer stays the same until the counts are read again.
  const { version } = history;
  const key = `${CONTAINERS_PATH}?${part}`;
  const make = (): Body => {
    const before = last.get(history);
    if (before?.key === key && before.version === version) return before.body;
    const body = json(`${JSON.stringify(containersAnswer(history, new Set(keys), limit))}\n`, version);
    if (body.size <= KEPT_BYTES) last.set(history, { key, version, body });
    return body;
  };
  return { key, version, make };
}
