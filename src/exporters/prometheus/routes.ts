/** The paths of an endpoint and their answers. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { Readiness } from '../../program/health.ts';
import { reasonOf } from '../../program/reason.ts';
import type { Records } from '../../records/records.ts';
import type { TypedRecord } from '../../records/schema.ts';
import type { Body, Wanted } from './bodies.ts';
import { PAGE_HEADERS, page, pageFile } from './page.ts';
import { limitOf, QueryError, recordList } from './record-list.ts';
import type { Scrapes } from './scrapes.ts';
import type { Target } from './target.ts';

export interface Sources {
  readonly readiness: () => Readiness;
  readonly records: Pick<Records, 'at' | 'schemas'>;
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
    case '/':
      return {
        key: path,
        make() {
          const lists = new Map(records.schemas.map(({ path }) => [path, records.at(path) ?? []]));
          return text(200, page(readiness(), lists, null), 'text/html; charset=utf-8', PAGE_HEADERS);
        },
      };
    case '/page.js':
    case '/page.css':
      return {
        key: path,
        make() {
          const { content, type } = pageFile(path);
          return text(200, content, type);
        },
      };
    default: {
      const list = records.at(path);
      return list === null ? { key: 'nothing', make: () => NOTHING } : recordsOf(path, list, query);
    }
  }
}

/** A body that is short, or the same for all who ask. */
export function text(
  status: number,
  content: string,
  type = 'text/plain; charset=utf-8',
  headers: OutgoingHttpHeaders = {},
): Body {
  const bytes = Buffer.from(content);
  const chunks = { chunk: (number: number): Buffer | null => (number === 0 ? bytes : null) };
  return { status, size: bytes.length, contentFor: () => ({ headers: { 'content-type': type, ...headers }, chunks }) };
}

/** Records never change, so number and newest record are the version. */
function recordsOf(path: string, records: readonly TypedRecord[], query: string): Wanted {
  try {
    const limit = limitOf(path, query, records.length);
    const make = (): Body => text(200, recordList(records, limit), JSON_TYPE);
    // Without a limit it is the same list, whatever its length: while memory is short, an earlier one is good enough.
    return { key: `${path}?${limit === records.length ? '' : limit}`, version: records.at(-1) ?? null, make };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const { message } = error;
    return { key: `${path}: wrong query`, make: () => text(400, `${message}\n`) };
  }
}

async function metrics(scrapes: Scrapes | null): Promise<Body> {
  if (scrapes === null) return text(503, 'Floatie is not measuring yet\n');
  try {
    return await scrapes.collection();
  } catch (error) {
    return text(503, `The metrics could not be collected: ${reasonOf(error)}\n`);
  }
}
