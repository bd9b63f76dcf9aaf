/**
 * The form of a schema, which has all fields of one kind of record. Inside Floatie a field has its name with dots
 * (`container.id`, `victim.comm`); encode.ts gives it the names that others read.
 */

export interface Field {
  /** Words: the value is one of them. `each`: it is a list of parts with these fields. */
  readonly type: 'string' | 'number' | 'boolean' | readonly string[] | { readonly each: Fields };
  readonly unit?: 'bytes' | 'µs';
  /** In the Markdown of a table. */
  readonly meaning: string;
  /** When a record lacks the field, likewise. Without this every record has it. */
  readonly absent?: string;
  /** Is the name one of OpenTelemetry's semantic conventions? */
  readonly isConvention?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

export function isList(type: Field['type']): type is { readonly each: Fields } {
  return typeof type === 'object' && 'each' in type;
}

export type Text = Field & { readonly type: 'string' };
export type OptionalText = Text & { readonly absent: string };

/** What records of all kinds say: when it was (RFC 3339), and whose it is. */
export type CommonFields = {
  readonly time: Text;
  readonly cgroup: Text;
  readonly 'container.id': OptionalText;
  readonly 'k8s.pod.uid': OptionalText;
};

export interface RecordSchema<F extends CommonFields = CommonFields> {
  /** What a line of the log begins with. */
  readonly title: string;
  /** Of log records in OTLP. */
  readonly eventName: string;
  /** Where an endpoint lists the last records. */
  readonly path: string;
  /** In the order in which they are written. */
  readonly fields: F;
  /** For people, in a few words: the body of log records in OTLP. */
  summaryOf(values: ValuesOf<F>): string;
}

/** One record. It never changes. */
export interface TypedRecord<F extends CommonFields = CommonFields> {
  readonly schema: RecordSchema<F>;
  readonly values: ValuesOf<F>;
}

/** What is not known is absent or undefined. A field that the schema lacks does not compile. */
export function recordOf<F extends CommonFields, V extends ValuesOf<F>>(
  schema: RecordSchema<F>,
  values: Exactly<V, ValuesOf<F>>,
): TypedRecord<F> {
  return { schema, values };
}

/** Part of a record, such as one of a list: as {@link recordOf} for these fields. */
export function partOf<F extends Fields, V extends ValuesOf<F>>(_: F, values: Exactly<V, ValuesOf<F>>): ValuesOf<F> {
  return values;
}

export type ValuesOf<F> = { readonly [Name in Exclude<keyof F, Optional<F>>]: ValueOf<F[Name]> } & {
  readonly [Name in Optional<F>]?: ValueOf<F[Name]> | undefined;
};

type Optional<F> = { [Name in keyof F]: F[Name] extends { readonly absent: string } ? Name : never }[keyof F];

type ValueOf<F> = F extends { readonly type: infer Type }
  ? Type extends 'string'
    ? string
    : Type extends 'number'
      ? number
      : Type extends 'boolean'
        ? boolean
        : Type extends readonly (infer Word)[]
          ? Word
          : Type extends { readonly each: infer Each }
            ? readonly ValuesOf<Each>[]
            : never
  : never;

/** TypeScript itself overlooks properties that are too many where others are spread beside them. */
type Exactly<Value, Wanted> = Value & { readonly [Name in Exclude<keyof Value, keyof Wanted>]: never };
