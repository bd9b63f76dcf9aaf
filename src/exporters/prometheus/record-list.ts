/** The last records of a kind as JSON, one a line for people with curl. */
import { flatten } from '../../records/encode.ts';
import type { TypedRecord } from '../../records/schema.ts';

/** An invalid query; the message names the cure. */
export class QueryError extends Error {
  override name = 'QueryError';
}

/**
 * The number of records to answer with.
 *
 * @param query the part behind the `?`; `limit=N` asks for the last N
 * @throws {@link QueryError}
 */
export function limitOf(path: string, query: string, count: number): number {
  const limits = new URLSearchParams(query).getAll('limit');
  if (limits.length > 1 || limits.some((limit) => !/^0*[1-9]\d*$/.test(limit))) {
    throw new QueryError(
      `limit must be one whole number from 1 on: the last records that are wanted, as in ${path}?limit=10`,
    );
  }
  const [limit = count] = limits.map(Number);
  return Math.min(limit, count);
}

/** @param records oldest first; the answer has the last ones */
export function recordList(records: readonly TypedRecord[], limit: number): string {
  const lines = records.slice(records.length - limit).map(lineOf);
  return `{"records":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
}

/** Cached: records never change, and each request asks for up to a thousand. */
const lineOf = (record: TypedRecord): string => {
  const line = known.get(record) ?? JSON.stringify(flatten(record));
  known.set(record, line);
  return line;
};

const known = new WeakMap<TypedRecord, string>();
