/** A view as the configuration writes it, with the words of OpenTelemetry's configuration of SDKs. */
export interface ViewConfig {
  readonly selector: { readonly instrument_name: string };
  readonly stream: {
    readonly name?: string;
    readonly description?: string;
    /** Seconds in place of microseconds. OpenTelemetry's configuration has no such key. */
    readonly unit?: 's';
    readonly attribute_keys?: { readonly included?: string[]; readonly excluded?: string[] };
    readonly aggregation?: {
      readonly drop?: object;
      readonly explicit_bucket_histogram?: { readonly boundaries: number[] };
    };
    readonly aggregation_cardinality_limit?: number;
  };
}
