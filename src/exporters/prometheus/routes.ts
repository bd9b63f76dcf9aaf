/** The paths of an endpoint and their answers. */
import { containersAnswer } from '../../history/answer.ts';
import type { History } from '../../history/history.ts';
import type { Readiness } from '../../program/health.ts';
import { reasonOf } from '../../program/reason.ts';
import { withoutPrivate } from '../../records/public.ts';
import type { Records } from '../../records/records.ts';
import type { TypedRecord } from '../../records/schema.ts';
import type { Body, Wanted } from './bodies.ts';
import { CONTAINERS_PATH, containersWanted } from './containers.ts';
import { PAGE_HEADERS, page, pageFile } from './page.ts';
import { parseQuery, QueryError } from './query.ts';
import { recordList, selectRecords } from './record-list.ts';
import type { Scrapes } from './scrapes.ts';
import type { Target } from './target.ts';
import { json, text } from './texts.ts';

export interface Sources {
  readonly readiness: () => Readiness;
  readonly records: Pick<Records, 'at' | 'schemas'>;
  /** null where it is off. */
  readonly history?: History | null;
  /** null until the first measurement. */
  readonly scrapes: () => Scrapes | null;
  /** Anyone may read the answers. */
  readonly isPublic: boolean;
}

const JSON_TYPE = 'application/json';

const ALIVE = text(200, 'ok\n');
const NO_HISTORY = text(404, 'There is no history of containers: service.history is false\n');
const NOTHING = text(404, 'Nothing is here; the metrics are at /metrics\n');

/** The answer at a path. Keys are a bounded set: they contain nothing that a client makes up. */
export function routeOf(target: Target, sources: Sources): Wanted {
  if (!sources.isPublic) return answerAt(target, sources);
  const wanted = answerAt(target, { ...sources, records: withoutPrivate(sources.records) });
  // What others may not see never stands in for it.
  return { ...wanted, key: `${wanted.key} for anyone` };
}

function answerAt({ path, query }: Target, { readiness, records, history = null, scrapes, isPublic }: Sources): Wanted {
  switch (path) {
    case '/metrics':
      return { key: path, make: () => metrics(scrapes(), isPublic) };
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
          history?.watch();
          const lists = new Map(records.schemas.map(({ path }) => [path, records.at(path) ?? []]));
          return text(
            200,
            page(readiness(), lists, history && containersAnswer(history, { steps: 0 })),
            'text/html; charset=utf-8',
            PAGE_HEADERS,
          );
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
    case CONTAINERS_PATH:
      return history === null
        ? { key: 'nothing', make: () => NO_HISTORY }
        : asking(path, () => containersWanted(history, parseQuery(path, query)));
    default: {
      const list = records.at(path);
      return list === null ? { key: 'nothing', make: () => NOTHING } : asking(path, () => recordsOf(path, list, query));
    }
  }
}

/** A wrong query is answered with its cure. */
function asking(path: string, answer: () => Wanted): Wanted {
  try {
    return answer();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const { message } = error;
    return { key: `${path}: wrong query`, make: () => text(400, `${message}\n`) };
  }
}

function recordsOf(path: string, records: readonly TypedRecord[], query: string): Wanted {
  const wanted = parseQuery(path, query);
  const selected = selectRecords(records, wanted);
  const { container = '' } = selected.length === 0 ? {} : wanted;
  const make = (): Body => json(recordList(selected), records);
  // Without a limit it is the same list, whatever its length: while memory is short, an earlier one is good enough.
  const part = selected.length === records.length ? '' : selected.length;
  return { key: `${path}?${part}&${container}`, version: selected.at(-1) ?? null, make };
}

async function metrics(scrapes: Scrapes | null, isPublic: boolean): Promise<Body> {
  if (scrapes === null) return text(503, 'Floatie is not measuring yet\n');
  try {
    const collection = await scrapes.collection();
    return isPublic ? collection.public : collection;
  } catch (error) {
    return text(503, `The metrics could not be collected: ${reasonOf(error)}\n`);
  }
}
