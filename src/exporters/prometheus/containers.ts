/** The answer at `/api/v1/containers`, for all of them or some. */
import { containersAnswer } from '../../history/answer.ts';
import type { History } from '../../history/history.ts';
import { STEPS } from '../../history/schema.ts';
import type { Body, Wanted } from './bodies.ts';
import { isNamed, type Query } from './query.ts';
import { json } from './texts.ts';

export const CONTAINERS_PATH = '/api/v1/containers';

/** Answers by what they have: all who look ask for the same ones each second. Gone with the version. */
const kept = new WeakMap<object, { readonly bodies: Map<string, Body>; bytes: number }>();
/** What is more is made anew for each who asks, rather than held. */
const KEPT_BYTES = 4 << 20;

export function containersWanted(history: History, query: Query): Wanted {
  const { container, limit = Number.POSITIVE_INFINITY } = query;
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
  const steps = Math.min(query.steps ?? STEPS, STEPS);
  // An answer stays the same until the counts are read again.
  const { version } = history;
  const key = `${CONTAINERS_PATH}?${part}&${steps}`;
  const make = (): Body => {
    const now = kept.get(version) ?? { bodies: new Map<string, Body>(), bytes: 0 };
    kept.set(version, now);
    const same = now.bodies.get(key);
    if (same !== undefined) return same;
    const answer = containersAnswer(history, {
      wanted: new Set(keys),
      limit,
      steps,
      hasBuckets: container !== undefined,
    });
    const body = json(`${JSON.stringify(answer)}\n`, version);
    if (now.bytes + body.size <= KEPT_BYTES) {
      now.bodies.set(key, body);
      now.bytes += body.size;
    }
    return body;
  };
  return { key, version, make };
}
