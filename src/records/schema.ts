/**
 * The form of a schema, which has all fields of one kind of record. Inside Floatie names of fields have dots
 * (`container.id`, `victim.comm`); encode.ts converts them for output.
 */

export interface Field {
  /**
   * A list of words: the value is one of them. `each`: a list of parts with these fields. `of`: one part with these
   * fields. `numbers`: a list of numbers, null where one is not known.
   */
  readonly type: Scalar | 'numbers' | readonly string[] | { readonly each: Fields } | { readonly of: Fields };
  readonly unit?: 'bytes' | 'bytes/s' | 'µs' | 's' | '1/s';
  /** Markdown for the table in docs/records.md. */
  readonly meaning: string;
  /** Markdown: when a record lacks the field. Without this every record has it. */
  readonly absent?: string;
  /** Whether an endpoint that anyone can reach leaves it out. */
  readonly isPrivate?: boolean;
  /** Whether the name is one of OpenTelemetry's semantic conventions. */
  readonly isConvention?: boolean;
}

type Scalar = 'string' | 'number' | 'boolean';

export type Fields = Readonly<Record<string, Field>>;

export function isList(type: Field['type']): type is { readonly each: Fields } {
  return typeof type === 'object' && 'each' in type;
}

export type Text = Field & { readonly type: 'string' };
export type OptionalText = Text & { readonly absent: string };

/** The fields of all kinds: the time (RFC 3339) and the owner. */
export type CommonFields = {
  readonly time: Text;
  readonly cgroup: Text;
  readonly 'container.id': OptionalText;
  readonly 'k8s.pod.uid': OptionalText;
};

export interface RecordSchema<F extends CommonFields = CommonFields> {
  /** The message of a line in the log. */
  readonly title: string;
  /** The event name of log records in OTLP. */
  readonly eventName: string;
  /** The path at which endpoints list the last records. */
  readonly path: string;
  /** In the order of output. */
  readonly fields: F;
  /** A short text for people: the body of log records in OTLP. */
  summaryOf(values: ValuesOf<F>): string;
}

/** One record. Immutable. */
export interface TypedRecord<F extends CommonFields = CommonFields> {
  readonly schema: RecordSchema<F>;
  readonly values: ValuesOf<F>;
}

/** Unknown fields are absent or undefined. A field that the schema lacks does not compile. */
export function recordOf<F extends CommonFields, V extends ValuesOf<F>>(
  schema: RecordSchema<F>,
  values: Exactly<V, ValuesOf<F>>,
): TypedRecord<F> {
  return { schema, values };
}

/** As {@link recordOf} for a part of a record, such as an item of a list. */
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
        : Type extends 'numbers'
          ? readonly (number | null)[]
          : Type extends readonly (infer Word)[]
            ? Word
            : Type extends { readonly each: infer Each }
              ? readonly ValuesOf<Each>[]
              : Type extends { readonly of: infer Part }
                ? ValuesOf<Part>
                : never
  : never;

/** TypeScript does not check excess properties beside a spread. */
type Exactly<Value, Wanted> = Value & { readonly [Name in Exclude<keyof Value, keyof Wanted>]: never };
