/** What `/oom` answers: the last records of OOM kills as JSON, each on a line of its own for whoever reads it by curl. */
import type { OomRecord } from '../metrics/oom-record.ts';

/** The question cannot be answered; the message names the cure. */
export class QueryError extends Error {
  override name = 'QueryError';
}

/**
 * @param records oldest first
 * @param query what follows the `?`: `limit=N` leaves the last N
 * @throws {@link QueryError}
 */
export function oomList(records: readonly OomRecord[], query: string): string {
  const limits = new URLSearchParams(query).getAll('limit');
  if (limits.length > 1 || limits.some((limit) => !/^0*[1-9]\d*$/.test(limit))) {
    throw new QueryError(
      'limit must be one whole number from 1 on: the last records that are wanted, as in /oom?limit=10',
    );
  }
  const [limit = records.length] = limits.map(Number);
  const lines = records.slice(Math.max(0, records.length - limit)).map(lineOf);
  return `{"records":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
}

/** A record never changes, and a thousand of them are asked for again and again. */
const lineOf = (record: OomRecord): string => {
  const line = known.get(record) ?? JSON.stringify(record);
  known.set(record, line);
  return line;
};

const known = new WeakMap<OomRecord, string>();
