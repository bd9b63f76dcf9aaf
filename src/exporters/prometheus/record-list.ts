/** The last records of a kind as JSON, one a line for people with curl. */
import { flatten } from '../../records/encode.ts';
import type { TypedRecord } from '../../records/schema.ts';
import { isNamed, type Query } from './query.ts';

/** The last records that a query asks for, oldest first. */
export function selectRecords(records: readonly TypedRecord[], query: Query): readonly TypedRecord[] {
  const { limit = records.length, sinceMs, container } = query;
  const first = sinceMs === undefined ? 0 : records.findIndex(({ values: { time } }) => Date.parse(time) > sinceMs);
  const later = first < 0 ? [] : records.slice(first);
  const wanted = container === undefined ? later : later.filter(({ values }) => isNamed(container, ownerOf(values)));
  return limit >= wanted.length ? wanted : wanted.slice(wanted.length - limit);
}

function ownerOf(values: Readonly<TypedRecord['values']> & { readonly 'container.name'?: string }) {
  return { id: values['container.id'], name: values['container.name'], cgroup: values.cgroup };
}

/** @param records oldest first */
export function recordList(records: readonly TypedRecord[]): string {
  const lines = records.map(lineOf);
  return `{"records":[${lines.map((line) => `\n${line}`).join(',')}\n]}\n`;
}

/** Cached: records never change, and each request asks for up to a thousand. */
const lineOf = (record: TypedRecord): string => {
  const line = known.get(record) ?? JSON.stringify(flatten(record));
  known.set(record, line);
  return line;
};

const known = new WeakMap<TypedRecord, string>();
