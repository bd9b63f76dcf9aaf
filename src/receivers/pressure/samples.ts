/** Samples of what files tell, with their owner. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { attributesOf } from '../../containers/attributes.ts';
import type { Container } from '../../containers/inventory.ts';
import type { Metric } from '../../metrics/catalogue.ts';
import type { Sample } from '../../metrics/registry.ts';
import { toHrTime } from '../../program/clock.ts';
import type { Value } from './counters.ts';

/** Whose samples they are. */
export interface Owner {
  readonly key: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
}

export const HOST: Attributes = { scope: 'host' };
const SCOPE: Attributes = { scope: 'container' };

const scoped = new WeakMap<Attributes, Attributes>();

/** The same object each time, by which exporters remember what they have written. */
export function withScope(own: Attributes): Attributes {
  const known = scoped.get(own) ?? { ...SCOPE, ...own };
  scoped.set(own, known);
  return known;
}

export function ownerOf({ key, identity, createdMs }: Container): Owner {
  return { key, attributes: attributesOf(identity), startTime: toHrTime(createdMs) };
}

export function valuesOf(owner: Owner, values: Iterable<Value>): Sample[] {
  return Array.from(values, ({ metric, event, value }) => {
    if (event === undefined) return sampleOf(owner, metric, value);
    return sampleOf(
      { ...owner, key: `${owner.key}.${event}`, attributes: withEvent(owner.attributes, event) },
      metric,
      value,
    );
  });
}

const byEvent = new WeakMap<Attributes, Map<string, Attributes>>();

function withEvent(own: Attributes, event: string): Attributes {
  const known = byEvent.get(own) ?? new Map<string, Attributes>();
  byEvent.set(own, known);
  const attributes = known.get(event) ?? { event, ...own };
  known.set(event, attributes);
  return attributes;
}

export function sampleOf({ key, attributes, startTime }: Owner, metric: Metric, value: number): Sample {
  return { metric, member: { key, attributes, startTime, totals: Float64Array.of(value) } };
}
