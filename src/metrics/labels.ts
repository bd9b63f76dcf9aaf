/**
 * Attributes as Prometheus' labels: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#metric-attributes
 * Prometheus refuses a whole scrape for one invalid or duplicate label name.
 */
import type { Attributes } from '@opentelemetry/api';

/** Label names that Prometheus reserves for histograms and summaries. */
const RESERVED: readonly string[] = ['le', 'quantile'];

/** The label name of an attribute with any name. */
export function labelName(attribute: string): string {
  const name = attribute.replace(/[^A-Za-z0-9_]+/g, '_').replace(/_+/g, '_') || '_';
  if (RESERVED.includes(name)) return `exported_${name}`;
  return /^\d/.test(name) ? `key_${name}` : name;
}

/**
 * Attributes with the same label name become one label, with their values in the order of their names. Formats keep what
 * they make of the labels of a series.
 */
export function labelsOf(attributes: Attributes): Record<string, string> {
  const byLabel = Map.groupBy(Object.keys(attributes), labelName);
  return Object.fromEntries(
    Array.from(byLabel, ([label, names]) => {
      const values = names.sort().map((name) => textOf(attributes[name]));
      return [label, values.join(';')];
    }),
  );
}

function textOf(value: Attributes[string]): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed();
}
