/**
 * All receivers, in the order of configuration, tables and doctor. Everything that is special to one is in its folder.
 */
import { type Metric, programMetrics, runMetrics } from '../metrics/catalogue.ts';
import type { RecordSchema } from '../records/schema.ts';
import { kills } from './kills/index.ts';
import { oom } from './oom/index.ts';
import { overlayfs } from './overlayfs/index.ts';
import { pressure } from './pressure/index.ts';
import type { Receiver } from './receiver.ts';
import { reclaim } from './reclaim/index.ts';

export const receivers = [overlayfs, oom, kills, pressure, reclaim] as const;

type Declared = (typeof receivers)[number];
export type ReceiverName = Declared['name'];

/** The section `receivers` of the configuration. */
export type ReceiverSettings = {
  [One in Declared as One['name']]: One extends Receiver<string, infer S> ? S : never;
};

export function receiverNamed<Name extends ReceiverName>(name: Name): Receiver<Name, ReceiverSettings[Name]> {
  const found: unknown = receivers.find((receiver) => receiver.name === name);
  return found as Receiver<Name, ReceiverSettings[Name]>;
}

export const receiverNames: readonly ReceiverName[] = receivers.map(({ name }) => name);

const all: readonly Receiver[] = receivers;

/** Every kind of record that there can be. */
export const recordSchemas: readonly RecordSchema[] = all.flatMap(({ records = [] }) => records);

const declared: readonly Metric[] = receivers.flatMap(({ metrics }) => metrics);

/** The metrics of the receivers, without those about Floatie. */
export const measuredMetrics: readonly Metric[] = declared.filter(({ aboutFloatie }) => aboutFloatie !== true);

/** The metrics about Floatie itself. */
export const ownMetrics: readonly Metric[] = [
  ...Object.values(runMetrics),
  ...declared.filter(({ aboutFloatie }) => aboutFloatie === true),
  ...Object.values(programMetrics),
];

/** Every metric of Floatie, for help texts, views and the tables in docs/. */
export const allMetrics: readonly Metric[] = [...measuredMetrics, ...ownMetrics];
