/** The paths of an endpoint and their answers. */
import type { Readiness } from '../../program/health.ts';
import { reasonOf } from '../../program/reason.ts';
import type { OomRecord } from '../../records/record.ts';
import type { Body, Wanted } from './bodies.ts';
import { limitOf, oomList, QueryError } from './oom-list.ts';
import { page } from './page.ts';
import type { Scrapes } from './scrapes.ts';
import type { Target } from './target.ts';

export interface Sources {
  readonly readiness: () => Readiness;
  /** The last OOM kills, oldest first. */
  readonly records: () => readonly OomRecord[];
  /** null until the first measurement. */
  readonly scrapes: () => Scrapes | null;
}

const JSON_TYPE = 'application/json';

const ALIVE = text(200, 'ok\n');
const NOTHING = text(404, 'Nothing is here; the metrics are at /metrics\n');

/** The answer at a path. Keys are a bounded set: they contain nothing that a client makes up. */
export function routeOf({ path, query }: Target, { readiness, records, scrapes }: Sources): Wanted {
  switch (path) {
    case '/metrics':
      return { key: path, make: () => metrics(scrapes()) };
    case '/healthz':
      return { key: path, make: () => ALIVE };
    case '/readyz':
      return {
        key: path,
        make() {
          const state = readiness();
          return text(state.ready ? 200 : 503, `${JSON.stringify(state, null, 2)}\n`, JSON_TYPE);
        },
      };
    case '/oom':
      return oom(records(), query);
    case '/':
      return { key: path, make: () => text(200, page(readiness()), 'text/html; charset=utf-8') };
    default:
      return { key: 'nothing', make: () => NOTHING };
  }
}

export function text(status: number, content: string, type = 'text/plain; charset=utf-8'): Body {
  return { status, type, bytes: Buffer.from(content) };
}

/** Records never change, so number and newest record are the version. */
function oom(records: readonly OomRecord[], query: string): Wanted {
  try {
    const limit = limitOf(query, records.length);
    const make = (): Body => text(200, oomList(records, limit), JSON_TYPE);
    return { key: `/oom?limit=${limit}`, version: records.at(-1) ?? null, make };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const { message } = error;
    return { key: 'wrong query', make: () => text(400, `${message}\n`) };
  }
}

async function metrics(scrapes: Scrapes | null): Promise<Body> {
  if (scrapes === null) return text(503, 'Floatie is not measuring yet\n');
  try {
    return await scrapes.body();
  } catch (error) {
    return text(503, `The metrics could not be collected: ${reasonOf(error)}\n`);
  }
}
