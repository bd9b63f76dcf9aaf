/** Attributes as the identity of a series. */
import type { Attributes } from '@opentelemetry/api';

/** OpenTelemetry's attribute of the overflow series, which counts everything beyond the limits of kernel and views. */
export const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

export function isOverflow(attributes: Attributes): boolean {
  return attributes['otel.metric.overflow'] === true;
}

/** A key that does not depend on the order of the attributes. */
export function keyOf(attributes: Attributes): string {
  const known = keys.get(attributes);
  if (known !== undefined) return known;
  const key = JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
  keys.set(attributes, key);
  return key;
}

/** An owner's attributes are the same object in all of its series. */
const keys = new WeakMap<Attributes, string>();
