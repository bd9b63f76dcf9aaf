/** What anyone may read of records: without the fields that their schemas call private. */
import type { Records } from './records.ts';
import type { TypedRecord } from './schema.ts';

type Listed = Pick<Records, 'at' | 'schemas'>;

export function withoutPrivate(records: Listed): Listed {
  return {
    schemas: records.schemas,
    at(path) {
      const list = records.at(path);
      return list === null ? null : publicList(list);
    },
  };
}

/** Cached, as lists and records are: they never change. */
const lists = new WeakMap<readonly TypedRecord[], readonly TypedRecord[]>();
const known = new WeakMap<TypedRecord, TypedRecord>();

function publicList(list: readonly TypedRecord[]): readonly TypedRecord[] {
  const cached = lists.get(list);
  if (cached !== undefined) return cached;
  const made = list.map(publicRecord);
  lists.set(list, made);
  return made;
}

function publicRecord(record: TypedRecord): TypedRecord {
  const { schema, values } = record;
  const hidden = Object.entries(schema.fields).filter(([, { isPrivate }]) => isPrivate);
  if (hidden.length === 0) return record;
  const cached = known.get(record);
  if (cached !== undefined) return cached;
  const made = { schema, values: { ...values, ...Object.fromEntries(hidden.map(([name]) => [name, undefined])) } };
  known.set(record, made);
  return made;
}
