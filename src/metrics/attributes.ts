/** Attributes as the identity of a series. */
import type { Attributes } from '@opentelemetry/api';

/** The attribute OpenTelemetry defines for the series that takes what does not fit, in the kernel or in a view. */
export const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

export function isOverflow(attributes: Attributes): boolean {
  return attributes['otel.metric.overflow'] === true;
}

/** The same for the same attributes, in whatever order. */
export function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
