/** What one reader gets: totals since the start, or what was added since its last look. */
import type { HrTime } from '@opentelemetry/api';
import { AggregationTemporality, type MetricData } from '@opentelemetry/sdk-metrics';
import { isAfter, monotonicNs, toHrTime, wallMsOf } from '../program/clock.ts';
import { keyOf } from './attributes.ts';
import type { Form } from './metric-data.ts';
import type { MetricRegistry, StreamState } from './registry.ts';
import type { Series } from './storage.ts';

/** Of one reader. */
export interface Report {
  of(state: StreamState, endTime: HrTime): MetricData;
  /** Leaves the current counts to another reader. */
  skip(endTime: HrTime): void;
  end(): void;
}

export function reportTotals(form: Form): Report {
  return {
    of: (state, endTime) => state.toData(state.store.values(), form, endTime),
    skip: () => undefined,
    end: () => undefined,
  };
}

export function reportDeltas(registry: MetricRegistry, form: Form): Report {
  const reported = new WeakMap<Series, Reported>();
  const ended = new Map<StreamState, Series[]>();
  const end = registry.onEnd((state, series) => {
    const others = ended.get(state);
    if (others === undefined) ended.set(state, [series]);
    else others.push(series);
  });

  /** null where nothing was counted since. */
  const delta = (series: Series, now: Moment): Series | null => {
    const { attributes, totals } = series;
    const before = reported.get(series);
    if (before === undefined) {
      reported.set(series, { totals: totals.slice(), last: now });
      return hasAny(totals) ? { attributes, startTime: series.startTime, totals: totals.slice() } : null;
    }
    const { at, atNs } = before.last;
    const growth = growthOf(totals, before.totals);
    before.last = now;
    if (growth === null) return null;
    before.totals.set(totals);
    // Starts where the point before ended, unless the wall clock was set back since.
    const startTime = isAfter(at, now.at) ? toHrTime(wallMsOf(atNs)) : at;
    return { attributes, startTime, totals: growth };
  };

  return {
    of(state, endTime) {
      const last = ended.get(state)?.splice(0) ?? [];
      const { kind } = state.stream.metric;
      if (kind === 'gauge' || (form.lowMemory && kind === 'counter')) {
        return state.toData(state.store.values(), { ...form, temporality: AggregationTemporality.CUMULATIVE }, endTime);
      }
      // The counts of a series between this reader's last collection and the end of the series are one last point.
      const now = { at: endTime, atNs: monotonicNs() };
      const moved = [...last, ...state.store.values()].flatMap((series) => delta(series, now) ?? []);
      return state.toData(mergeByAttributes(moved), form, endTime);
    },
    skip(endTime) {
      ended.clear();
      const now = { at: endTime, atNs: monotonicNs() };
      for (const { store } of registry.states()) for (const series of store.values()) delta(series, now);
    },
    end,
  };
}

/** A collection, by both clocks. */
interface Moment {
  readonly at: HrTime;
  readonly atNs: number;
}

/** What a reader has had of a series. */
interface Reported {
  readonly totals: Float64Array;
  last: Moment;
}

function hasAny(totals: Float64Array): boolean {
  for (let index = 0; index < totals.length; index++) if (totals[index] !== 0) return true;
  return false;
}

/** null where there is none: most series of a large host rest. */
function growthOf(totals: Float64Array, before: Float64Array): Float64Array | null {
  let growth: Float64Array | null = null;
  for (let index = 0; index < totals.length; index++) {
    const grown = (totals[index] ?? 0) - (before[index] ?? 0);
    if (grown === 0) continue;
    growth ??= new Float64Array(totals.length);
    growth[index] = grown;
  }
  return growth;
}

/** An ended and a new series with the same attributes become one point, not two overlapping ones. */
function mergeByAttributes(deltas: readonly Series[]): readonly Series[] {
  const merged = new Map<string, Series>();
  for (const delta of deltas) {
    const key = keyOf(delta.attributes);
    const before = merged.get(key);
    merged.set(key, before === undefined ? delta : addSeries(before, delta));
  }
  return [...merged.values()];
}

function addSeries(a: Series, b: Series): Series {
  const isEarlier = a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1];
  const totals = a.totals.map((total, index) => total + (b.totals[index] ?? 0));
  return { attributes: a.attributes, startTime: isEarlier <= 0 ? a.startTime : b.startTime, totals };
}
