/** The answer at `/api/v1/containers`, for all of them or some. */
import { containersAnswer } from '../../history/answer.ts';
import type { History } from '../../history/history.ts';
import type { Wanted } from './bodies.ts';
import { isNamed, type Query } from './query.ts';
import { json } from './texts.ts';

export const CONTAINERS_PATH = '/api/v1/containers';

export function containersWanted(history: History, { container, limit = Number.POSITIVE_INFINITY }: Query): Wanted {
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
  // An answer stays the same until the next step ends.
  const version = history.ends.at(-1) ?? history;
  const make = () => json(`${JSON.stringify(containersAnswer(history, new Set(keys), limit))}\n`, version);
  return { key: `${CONTAINERS_PATH}?${part}`, version, make };
}
