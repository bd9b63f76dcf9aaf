/** The answer of `/oom`: the last records of OOM kills as JSON, one a line for people with curl. */
import type { OomRecord } from '../../records/record.ts';

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
export function limitOf(query: string, count: number): number {
  const limits = new URLSearchParams(query).getAll('limit');
  if (limits.length > 1 || limits.some((limit) => !/^0*[1-9]\d*$/.test(limit))) {
    throw new QueryError(
      'limit must be one whole number from 1 on: the last records that are wanted, as in /oom?limit=10',
    );
  }
  const [limit = count] = limits.map(Number);
  return Math.min(limit, count);
}

/** @param records oldest first; the answer has the last ones */
export function oomList(records: readonly OomRecord[], limit: number): string {
  const lines = records.slice(records.length - limit).map(lineOf);
  return `{"records":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
}

/** Cached: records never change, and each request asks for up to a thousand. */
const lineOf = (record: OomRecord): string => {
  const line = known.get(record) ?? JSON.stringify(record);
  known.set(record, line);
  return line;
};

const known = new WeakMap<OomRecord, string>();
