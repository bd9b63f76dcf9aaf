/** Produces the kernel's series for one metric reader, in that reader's temporality. */
import { setImmediate } from 'node:timers/promises';
import type { InstrumentationScope } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import { monotonicMs, toHrTime, wallMs } from '../program/clock.ts';
import type { Form } from './metric-data.ts';
import type { MetricRegistry } from './registry.ts';
import { reportDeltas, reportTotals } from './temporality.ts';

export const SCOPE: InstrumentationScope = { name: 'floatie' };

export interface Producer extends MetricProducer {
  /**
   * Continues after another reader, which has had the current counts: with delta temporality only later counts follow.
   */
  takeOver(): void;
  /** Freezes the current counts; with delta temporality they are produced once. */
  finish(): void;
}

/**
 * A producer for one reader. With delta temporality it remembers the counts that the reader has had. It never rejects,
 * which would fail the reader's whole collection; problems are in `errors`.
 *
 * @param onCollect called with the duration of each collection, in ms
 */
export function createProducer(
  registry: MetricRegistry,
  form: Form,
  onCollect: (ms: number) => void = () => undefined,
): Producer {
  const isDelta = form.temporality === AggregationTemporality.DELTA;
  const report = isDelta ? reportDeltas(registry, form) : reportTotals(form);
  // With delta temporality the last counts of ended series are produced, too.
  const reader = isDelta && form.lowMemory !== true ? null : registry.addReader();
  const resultOf = (data: MetricData[], errors: unknown[]): CollectionResult => {
    const scopeMetrics = [{ scope: SCOPE, metrics: data }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors };
  };
  function* reporting(): Generator<MetricData> {
    const endTime = toHrTime(wallMs());
    for (const state of registry.states()) yield report.of(state, endTime);
  }
  let last: MetricData[] | null = null;
  const resultOfLast = (data: MetricData[]): CollectionResult => resultOf(isDelta ? data.splice(0) : data, []);
  return {
    async collect(): Promise<CollectionResult> {
      if (last !== null) return resultOfLast(last);
      const errors: unknown[] = [];
      const began = monotonicMs();
      let readSinceMs = Number.NEGATIVE_INFINITY;
      const totals: MetricData[] = [];
      try {
        // Of 10,000 containers each metric takes some ms. Deltas are had once, and so all at a time.
        readSinceMs = await registry.refreshInSteps(isDelta ? [] : collecting(reporting(), totals));
      } catch (error) {
        errors.push(error);
      }
      await setImmediate();
      if (last !== null) return resultOfLast(last);
      const result = resultOf(isDelta ? [...reporting()] : totals, errors);
      if (errors.length === 0) reader?.hasRead(readSinceMs);
      onCollect(monotonicMs() - began);
      return result;
    },
    takeOver: () => report.skip(toHrTime(wallMs())),
    finish() {
      last ??= [...reporting()];
      report.end();
      reader?.end();
    },
  };
}

function* collecting<T>(all: Iterable<T>, into: T[]): Generator<void> {
  for (const one of all) {
    into.push(one);
    yield;
  }
}
