/** Reads Prometheus' protobuf format by a library that shares nothing with what writes it. */
import { join } from 'node:path';
import protobuf from 'protobufjs';

export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface ExemplarMessage {
  readonly label: MetricMessage['label'];
  readonly value: number;
  readonly timestamp: Timestamp;
}

export interface BucketMessage {
  readonly cumulativeCount: number;
  readonly upperBound: number;
  readonly exemplar?: ExemplarMessage;
}

export interface HistogramMessage {
  readonly sampleCount: number;
  readonly sampleSum: number;
  readonly bucket: readonly BucketMessage[];
  readonly schema?: number;
  readonly zeroCount?: number;
  readonly positiveSpan: readonly { readonly offset: number; readonly length: number }[];
  readonly positiveDelta: readonly number[];
  readonly createdTimestamp?: Timestamp;
  readonly exemplars: readonly ExemplarMessage[];
}

export interface MetricMessage {
  readonly label: readonly { readonly name: string; readonly value: string }[];
  readonly gauge?: { readonly value: number };
  readonly counter?: { readonly value: number; readonly createdTimestamp?: Timestamp };
  readonly histogram?: HistogramMessage;
}

export interface FamilyMessage {
  readonly name: string;
  readonly help: string;
  readonly type: 'COUNTER' | 'GAUGE' | 'HISTOGRAM';
  readonly unit?: string;
  readonly metric: readonly MetricMessage[];
}

const FAMILY = protobuf
  .loadSync(join(import.meta.dirname, '../fixtures/metrics.proto'))
  .lookupType('io.prometheus.client.MetricFamily');

/** @param body families, each behind its length */
export function decodeFamilies(body: Uint8Array): FamilyMessage[] {
  const reader = protobuf.Reader.create(body);
  const families: FamilyMessage[] = [];
  while (reader.pos < reader.len) {
    const message = FAMILY.decodeDelimited(reader);
    families.push(FAMILY.toObject(message, { enums: String, longs: Number, arrays: true }) as FamilyMessage);
  }
  return families;
}

/** The counts of a native histogram's buckets, by Prometheus' index: that of bucket i has the bound 2^(i / 2^schema). */
export function nativeCounts({ positiveSpan, positiveDelta }: HistogramMessage): Map<number, number> {
  const counts = new Map<number, number>();
  const deltas = positiveDelta.values();
  let [index, count] = [0, 0];
  for (const { offset, length } of positiveSpan) {
    index += offset;
    for (let left = length; left > 0; left--, index++) {
      count += deltas.next().value ?? 0;
      if (count > 0) counts.set(index, count);
    }
  }
  return counts;
}
