/** Encodes records for output. Only here a field gets another name than in its schema. */
import { type Field, type Fields, isList, type TypedRecord } from './schema.ts';

type FlatValue = string | number | boolean;

/** A record in the log and in lists: flat, except for lists of parts. Unknown fields are absent. */
export interface FlatRecord {
  readonly [name: string]: FlatValue | readonly FlatPart[];
}

export type FlatPart = Readonly<Record<string, FlatValue>>;

/** `victim.comm` → `victim_comm`, the form of labels in Prometheus. */
export function flatName(name: string): string {
  return name.replaceAll('.', '_');
}

/** For the log, for lists and for programs. */
export function flatten({ schema, values }: TypedRecord): FlatRecord {
  return encode(schema.fields, values, flatName);
}

/** The attributes for OTLP, without the time, which is a field of its own there. */
export function otlpAttributes({ schema, values }: TypedRecord): FlatRecord {
  const { time, ...fields } = schema.fields;
  return encode(fields, values, otlpName);
}

/** Only names of OpenTelemetry's semantic conventions keep their dots. */
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
