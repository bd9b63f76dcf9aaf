/** All receivers, in the order in which everything names them. Whatever differs from one to another is in its folder. */
import { type Metric, programMetrics, runMetrics } from '../metrics/catalogue.ts';
import type { RecordSchema } from '../records/schema.ts';
import { oom } from './oom/index.ts';
import { overlayfs } from './overlayfs/index.ts';
import { pressure } from './pressure/index.ts';
import type { Receiver } from './receiver.ts';

export const receivers = [overlayfs, oom, pressure] as const;

type Declared = (typeof receivers)[number];
export type ReceiverName = Declared['name'];

/** The section `receivers` of the configuration. */
export type ReceiverSettings = {
  [One in Declared as One['name']]: One extends Receiver<string, infer S> ? S : never;
};

export const receiverNames: readonly ReceiverName[] = receivers.map(({ name }) => name);

const all: readonly Receiver[] = receivers;

/** Every kind of record that there can be. */
export const recordSchemas: readonly RecordSchema[] = all.flatMap(({ records = [] }) => records);

const declared: readonly Metric[] = receivers.flatMap(({ metrics }) => metrics);

/** What the receivers measure. */
export const measuredMetrics: readonly Metric[] = declared.filter(({ aboutFloatie }) => aboutFloatie !== true);

/** How Floatie itself is doing. */
export const ownMetrics: readonly Metric[] = [
  ...Object.values(runMetrics),
  ...declared.filter(({ aboutFloatie }) => aboutFloatie === true),
  ...Object.values(programMetrics),
];

/** Every metric Floatie exports: help texts, views and the tables of the documents all come from here. */
export const allMetrics: readonly Metric[] = [...measuredMetrics, ...ownMetrics];
