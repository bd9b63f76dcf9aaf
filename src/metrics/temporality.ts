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
  const reported = new WeakMap<Series, { readonly totals: Float64Array; readonly at: HrTime; readonly atNs: number }>();
  const ended = new Map<StreamState, Series[]>();
  const end = registry.onEnd((state, series) => {
    const others = ended.get(state);
    if (others === undefined) ended.set(state, [series]);
    else others.push(series);
  });

  const delta = (series: Series, endTime: HrTime): Series => {
    const before = reported.get(series);
    reported.set(series, { totals: series.totals.slice(), at: endTime, atNs: monotonicNs() });
    if (before === undefined) return { ...series, totals: series.totals.slice() };
    const totals = series.totals.map((total, index) => total - (before.totals[index] ?? 0));
    // Starts where the point before ended, unless the wall clock was set back since.
    const startTime = isAfter(before.at, endTime) ? toHrTime(wallMsOf(before.atNs)) : before.at;
    return { attributes: series.attributes, startTime, totals };
  };

  return {
    of(state, endTime) {
      const last = ended.get(state)?.splice(0) ?? [];
      const { kind } = state.stream.metric;
      if (kind === 'gauge' || (form.lowMemory && kind === 'counter')) {
        return state.toData(state.store.values(), { ...form, temporality: AggregationTemporality.CUMULATIVE }, endTime);
      }
      // The counts of a series between this reader's last collection and the end of the series are one last point.
      const deltas = [...last, ...state.store.values()].map((series) => delta(series, endTime));
      const moved = deltas.filter(({ totals }) => totals.some((total) => total !== 0));
      return state.toData(mergeByAttributes(moved), form, endTime);
    },
    skip(endTime) {
      ended.clear();
      for (const { store } of registry.states()) for (const series of store.values()) delta(series, endTime);
    },
    end,
  };
}

/** An ended and a new series with the same attributes become one point, not two overlapping ones. */
function mergeByAttributes(deltas: readonly Series[]): Iterable<Series> {
  const merged = new Map<string, Series>();
  for (const delta of deltas) {
    const key = keyOf(delta.attributes);
    const before = merged.get(key);
    merged.set(key, before === undefined ? delta : addSeries(before, delta));
  }
  return merged.values();
}

function addSeries(a: Series, b: Series): Series {
  const isEarlier = a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1];
  const totals = a.totals.map((total, index) => total + (b.totals[index] ?? 0));
  return { attributes: a.attributes, startTime: isEarlier <= 0 ? a.startTime : b.startTime, totals };
}
