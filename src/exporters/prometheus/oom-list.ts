/** What `/oom` answers: the last records of OOM kills as JSON, each on a line of its own for whoever reads it by curl. */
import type { OomRecord } from '../../records/record.ts';

/** The question cannot be answered; the message names the cure. */
export class QueryError extends Error {
  override name = 'QueryError';
}

/**
 * How many of the records are wanted.
 *
 * @param query what follows the `?`: `limit=N` leaves the last N
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

/** @param records oldest first, of which the last ones are told */
export function oomList(records: readonly OomRecord[], limit: number): string {
  const lines = records.slice(records.length - limit).map(lineOf);
  return `{"records":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
}

/** A record never changes, and a thousand of them are asked for again and again. */
const lineOf = (record: OomRecord): string => {
  const line = known.get(record) ?? JSON.stringify(record);
  known.set(record, line);
  return line;
};

const known = new WeakMap<OomRecord, string>();
