/** Metric families as OpenTelemetry's PrometheusSerializer makes them: metrics of one name, with one type, help and unit. */
import { diag, type HrTime } from '@opentelemetry/api';
import { type DataPoint, DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'untyped';

export interface Family {
  /** Counters end in `_total`. */
  readonly name: string;
  readonly type: FamilyType;
  /** Empty: there is none. */
  readonly help: string;
  readonly unit: string;
  readonly metrics: readonly MetricData[];
}

/** The family with the attributes of the resource as its labels, and 1 as its value. */
export const TARGET_INFO = 'target_info';

interface Draft extends Family {
  help: string;
  unit: string;
  readonly metrics: MetricData[];
}

/** Conflicts that were told of; the number of metrics and views bounds them. */
const told = new Set<string>();

/** Families of different types with the same name are left out. The first one is {@link TARGET_INFO}, if it is there. */
export function familiesOf({ scopeMetrics }: ResourceMetrics): readonly Family[] {
  const target: Draft = { name: TARGET_INFO, type: 'gauge', help: 'Target metadata', unit: '', metrics: [] };
  const families = new Map<string, Draft>([[TARGET_INFO, target]]);
  const left = new Set<string>();
  for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
    const name = nameOf(metric);
    if (name === null) continue;
    const type = typeOf(metric);
    const { description: help, unit } = metric.descriptor;
    const family = families.get(name);
    if (family === undefined) {
      families.set(name, { name, type, help, unit, metrics: [metric] });
    } else if (family.type !== type) {
      left.add(name);
      warn(`Leaving out the metrics named ${name}: one is a ${family.type}, and another one a ${type}`);
    } else {
      family.metrics.push(metric);
      family.help = agreed('help', name, family.help, help);
      family.unit = agreed('unit', name, family.unit, unit);
    }
  }
  return Array.from(families.values()).filter(({ name }) => !left.has(name));
}

function agreed(what: string, name: string, first: string, other: string): string {
  if (first === '' || other === '' || first === other) return first || other;
  warn(`Metrics named ${name} have different texts as their ${what}: ${JSON.stringify([first, other])}`);
  return first;
}

function warn(message: string): void {
  if (told.has(message)) return;
  told.add(message);
  diag.warn(message);
}

/** null: nothing of the name can be used. */
function nameOf(metric: MetricData): string | null {
  const name = escapeText(metric.descriptor.name)
    .replace(/[^A-Za-z0-9_]/g, '_')
    .replace(/_{2,}/g, '_');
  if (name === '' || name === '_') {
    warn(`Leaving out a metric whose name has no letter or digit: ${JSON.stringify(metric.descriptor.name)}`);
    return null;
  }
  const valid = /^\d/.test(name) ? `_${name}` : name;
  const isCounter = typeOf(metric) === 'counter';
  return isCounter && !valid.endsWith('_total') ? `${valid}_total` : valid;
}

function typeOf(metric: MetricData): FamilyType {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic ? 'counter' : 'gauge';
    case DataPointType.GAUGE:
      return 'gauge';
    case DataPointType.HISTOGRAM:
      return 'histogram';
    default:
      return 'untyped';
  }
}

/** What is known of the resource, as a point of {@link TARGET_INFO}. */
export function targetInfo({ resource }: ResourceMetrics): DataPoint<number> {
  const never: HrTime = [0, 0];
  return { attributes: resource.attributes, startTime: never, endTime: never, value: 1 };
}

/** Prometheus takes a unit in formats that are not plain text only where the name ends in it. */
export function hasUnit({ name, unit }: Family): boolean {
  return unit !== '' && name.replace(/_total$/, '').endsWith(`_${unit}`);
}

/** The text of a help or a unit on its line. */
export function escapeText(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}
