/** Hands the kernel's series to one metric reader, in the temporality that reader wants. */
import type { HrTime } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { isAfter, monotonicMs, monotonicNs, toHrTime, wallMs, wallMsOf } from '../program/clock.ts';
import { keyOf } from './attributes.ts';
import type { Form, MetricRegistry, StreamState } from './registry.ts';
import type { Series } from './storage.ts';

export const SCOPE: InstrumentationScope = { name: 'floatie' };

/** What one reader gets. */
interface Report {
  of(state: StreamState, endTime: HrTime): MetricData;
  /** What there is now was another reader's. */
  skip(endTime: HrTime): void;
  end(): void;
}

export interface Producer extends MetricProducer {
  /** Goes on where another reader ends, which has had what there is now: with delta temporality only the rest follows. */
  takeOver(): void;
  /** From now on gives what there is now, and with delta temporality that only once. */
  finish(): void;
}

/**
 * A producer for one reader, in the form that it wants: with delta temporality it remembers what that reader has had.
 * It never rejects, which would fail the reader's whole collection; what went wrong is in `errors`.
 *
 * @param onCollect told how long each collection took
 */
export function createProducer(
  metrics: MetricRegistry,
  form: Form,
  onCollect: (ms: number) => void = () => undefined,
): Producer {
  const isDelta = form.temporality === AggregationTemporality.DELTA;
  const report = isDelta ? reportDeltas(metrics, form) : reportTotals(form);
  // Deltas are told of the end of series, with their last counts.
  const reader = isDelta && form.lowMemory !== true ? null : metrics.addReader();
  const resultOf = (data: MetricData[], errors: unknown[]): CollectionResult => {
    const scopeMetrics = [{ scope: SCOPE, metrics: data }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors };
  };
  const reportAll = (): MetricData[] => {
    const endTime = toHrTime(wallMs());
    return metrics.states().map((state) => report.of(state, endTime));
  };
  let last: MetricData[] | null = null;
  return {
    async collect(): Promise<CollectionResult> {
      if (last !== null) return resultOf(isDelta ? last.splice(0) : last, []);
      const errors: unknown[] = [];
      const began = monotonicMs();
      try {
        metrics.refresh();
      } catch (error) {
        errors.push(error);
      }
      const result = resultOf(reportAll(), errors);
      if (errors.length === 0) reader?.hasRead();
      onCollect(monotonicMs() - began);
      return result;
    },
    takeOver: () => report.skip(toHrTime(wallMs())),
    finish() {
      last ??= reportAll();
      report.end();
      reader?.end();
    },
  };
}

function reportTotals(form: Form): Report {
  return {
    of: (state, endTime) => state.toData(state.store.values(), form, endTime),
    skip: () => undefined,
    end: () => undefined,
  };
}

function reportDeltas(metrics: MetricRegistry, form: Form): Report {
  const reported = new WeakMap<Series, { readonly totals: Float64Array; readonly at: HrTime; readonly atNs: number }>();
  const ended = new Map<StreamState, Series[]>();
  const end = metrics.onEnd((state, series) => {
    const others = ended.get(state);
    if (others === undefined) ended.set(state, [series]);
    else others.push(series);
  });

  const delta = (series: Series, endTime: HrTime): Series => {
    const before = reported.get(series);
    reported.set(series, { totals: series.totals.slice(), at: endTime, atNs: monotonicNs() });
    if (before === undefined) return { ...series, totals: series.totals.slice() };
    const totals = series.totals.map((total, index) => total - (before.totals[index] ?? 0));
    // Without a gap to the point before, unless the clock was set back since.
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
      // What a series did between this reader's last look and its end belongs in one last point.
      const deltas = [...last, ...state.store.values()].map((series) => delta(series, endTime));
      const moved = deltas.filter(({ totals }) => totals.some((total) => total !== 0));
      return state.toData(mergeByAttributes(moved), form, endTime);
    },
    skip(endTime) {
      ended.clear();
      for (const { store } of metrics.states()) for (const series of store.values()) delta(series, endTime);
    },
    end,
  };
}

/** A series that ended and one that began since with the same attributes are one point, not two that overlap. */
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
