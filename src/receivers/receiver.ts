/** What a receiver is: a folder beside this file, whose index.ts declares it, and a line in index.ts here. */
import type { SchemaObj } from 'convict';
import type { Metric } from '../metrics/catalogue.ts';
import type { RecordSchema } from '../records/schema.ts';

/**
 * A receiver as everything that only names it sees it: the configuration, the tables, the doctor's list. It is pure: neither
 * libbpf nor OpenTelemetry's SDK come with it.
 */
export interface Receiver<Name extends string = string, S = unknown> {
  /** In the configuration and at /readyz. */
  readonly name: Name;
  /** Its section of the configuration, `receivers.NAME`. */
  readonly settings: Settings<S>;
  readonly metrics: readonly Metric[];
  /** The compiled programs that it loads, such as `oom.bpf.o`. With none it needs no permission of the kernel. */
  readonly programs: readonly string[];
  /** Every kind of record that it makes of single events. */
  readonly records?: readonly RecordSchema[];
}

export type Settings<S> = { readonly [Key in keyof S]: SchemaObj<S[Key]> };
