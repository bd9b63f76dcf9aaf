/** Records as others read them. Only here a field gets another name than it has in its schema. */
import { type Field, type Fields, isList, type TypedRecord } from './schema.ts';

type FlatValue = string | number | boolean;

/** A record in the log and in lists: flat but for lists of parts. What is not known is absent. */
export interface FlatRecord {
  readonly [name: string]: FlatValue | readonly FlatPart[];
}

export type FlatPart = Readonly<Record<string, FlatValue>>;

/** `victim.comm` → `victim_comm`, as Prometheus writes the names of attributes. */
export function flatName(name: string): string {
  return name.replaceAll('.', '_');
}

/** For the log, for lists and for programs. */
export function flatten({ schema, values }: TypedRecord): FlatRecord {
  return encode(schema.fields, values, flatName);
}

/** For OTLP, which has the time elsewhere. */
export function otlpAttributes({ schema, values }: TypedRecord): FlatRecord {
  const { time, ...fields } = schema.fields;
  return encode(fields, values, otlpName);
}

/** Names of OpenTelemetry's semantic conventions keep their dots, and no others have any. */
export function otlpName(name: string, { isConvention }: Field): string {
  return isConvention ? name : flatName(name);
}

function encode(fields: Fields, values: object, nameOf: (name: string, field: Field) => string): FlatRecord {
  const known = new Map(Object.entries(values));
  const flat: Record<string, FlatRecord[string]> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = known.get(name);
    if (value === undefined) continue;
    const { type } = field;
    flat[nameOf(name, field)] = isList(type) ? value.map((part: object) => encode(type.each, part, flatName)) : value;
  }
  return flat;
}
