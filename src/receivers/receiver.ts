/** What a receiver is: a folder beside this file, whose index.ts declares it, and a line in index.ts here. */
import type { SchemaObj } from 'convict';
import type { Metric } from '../metrics/catalogue.ts';
import type { RecordSchema } from '../records/schema.ts';

/**
 * The declaration of a receiver, for the configuration, the tables and the doctor. It is pure: it loads neither libbpf
 * nor OpenTelemetry's SDK.
 */
export interface Receiver<Name extends string = string, S = unknown> {
  /** The name in the configuration and at /readyz. */
  readonly name: Name;
  /** Its section of the configuration, `receivers.NAME`. */
  readonly settings: Settings<S>;
  readonly metrics: readonly Metric[];
  /** The compiled BPF objects, such as `oom.bpf.o`. Without any, the receiver needs no permission to use bpf(). */
  readonly programs: readonly string[];
  /** Every kind of record that it makes of single events. */
  readonly records?: readonly RecordSchema[];
}

export type Settings<S> = { readonly [Key in keyof S]: SchemaObj<S[Key]> };
