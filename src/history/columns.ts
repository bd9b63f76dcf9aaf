/** Which samples the history keeps, and where. Metrics are known by name: no receiver is known here. */
import type { Attributes } from '@opentelemetry/api';
import type { Metric } from '../metrics/catalogue.ts';

/**
 * `durations`: a histogram of an operation. `counter`: grows, and a step has what was added. `gauge`: a step has the last
 * value. `name` of a column of an operation is `OPERATION/COLUMN`.
 */
export type Column =
  | { readonly kind: 'durations'; readonly op: string }
  | { readonly kind: 'counter' | 'gauge'; readonly name: string };

/** Memory of containers that is no metric: receivers give it to the history alone. */
export const MEMORY_USAGE = unexported('usage', 'Memory usage of the cgroup, in bytes');
export const MEMORY_LIMIT = unexported('limit', 'Memory limit of the cgroup, in bytes');

export const KILLS = 'floatie_oom_kills_total';

/** Columns of a container. */
const GAUGES: Readonly<Record<string, string>> = {
  [MEMORY_USAGE.name]: 'usage',
  [MEMORY_LIMIT.name]: 'limit',
  floatie_memory_headroom_bytes: 'headroom',
  floatie_memory_pressure_score: 'score',
};

export const GAUGE_NAMES = Object.values(GAUGES);

const COUNTERS: Readonly<Record<string, string>> = {
  floatie_cpu_pressure_waiting_seconds_total: 'cpu_stall',
  floatie_io_pressure_waiting_seconds_total: 'io_stall',
  floatie_memory_pressure_waiting_seconds_total: 'memory_stall',
  floatie_cpu_throttled_seconds_total: 'cpu_throttled',
  [KILLS]: 'oom_kills',
};

/** Columns of an operation, which the attribute `op` names. */
const OF_OPERATION: Readonly<Record<string, string>> = {
  floatie_overlayfs_bytes_total: 'bytes',
  floatie_overlayfs_errors_total: 'errors',
};

const EVENTS = 'floatie_memory_events_total';
const WAITS = 'floatie_overlayfs_wait_seconds_total';
const LATENCY = /^floatie_overlayfs_(\w+)_latency_us$/;
const COPY_UP = 'copy_up';

/** The container id or, without one, the cgroup; null for what is no container's. */
export function keyOf(attributes: Attributes): string | null {
  const key = attributes['container.id'] ?? attributes.cgroup;
  return key === undefined ? null : `${key}`;
}

/** By metric, and by the attributes that tell columns apart, which have few values. */
const columns = new WeakMap<Metric, Map<string, Column | null>>();
/** By metric, and by the attributes of a series, which are the same object each time. */
const ofSeries = new WeakMap<Metric, WeakMap<Attributes, Column | null>>();

/** null for what the history does not keep. */
export function columnOf(metric: Metric, attributes: Attributes): Column | null {
  const ofMetric = ofSeries.get(metric) ?? new WeakMap<Attributes, Column | null>();
  ofSeries.set(metric, ofMetric);
  const known = ofMetric.get(attributes);
  if (known !== undefined) return known;
  const column = sharedColumn(metric, attributes);
  ofMetric.set(attributes, column);
  return column;
}

function sharedColumn(metric: Metric, attributes: Attributes): Column | null {
  const ofMetric = columns.get(metric) ?? new Map<string, Column | null>();
  columns.set(metric, ofMetric);
  const key = `${attributes.op} ${attributes.cause} ${attributes.event}`;
  const column = ofMetric.get(key) ?? findColumn(metric, attributes);
  ofMetric.set(key, column);
  return column;
}

function findColumn({ name }: Metric, { op, cause, event }: Attributes): Column | null {
  const gauge = GAUGES[name];
  if (gauge !== undefined) return { kind: 'gauge', name: gauge };
  const counter = COUNTERS[name] ?? (name === EVENTS ? `event/${event}` : undefined);
  if (counter !== undefined) return { kind: 'counter', name: counter };
  const ofOperation = OF_OPERATION[name] ?? (name === WAITS ? waitOf(`${cause}`) : undefined);
  if (ofOperation !== undefined) return { kind: 'counter', name: `${op}/${ofOperation}` };
  const [, histogram] = LATENCY.exec(name) ?? [];
  if (histogram === undefined) return null;
  return { kind: 'durations', op: histogram === COPY_UP ? `${COPY_UP}_${op}` : `${op ?? histogram}` };
}

/** The column of a cause, of an operation or, without one, of all of them. */
export function waitOf(cause: string): string {
  return `wait/${cause}`;
}

/** Whether the time of an operation lies within that of others. */
export function isPart(op: string): boolean {
  return op.startsWith(`${COPY_UP}_`);
}

function unexported(name: string, description: string): Metric {
  return { name: `history.memory.${name}`, kind: 'gauge', unit: 'By', description, attributes: [] };
}
