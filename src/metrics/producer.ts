/** Hands the kernel's series to one metric reader, in the temporality that reader wants. */
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
  registry: MetricRegistry,
  form: Form,
  onCollect: (ms: number) => void = () => undefined,
): Producer {
  const isDelta = form.temporality === AggregationTemporality.DELTA;
  const report = isDelta ? reportDeltas(registry, form) : reportTotals(form);
  // Deltas are told of the end of series, with their last counts.
  const reader = isDelta && form.lowMemory !== true ? null : registry.addReader();
  const resultOf = (data: MetricData[], errors: unknown[]): CollectionResult => {
    const scopeMetrics = [{ scope: SCOPE, metrics: data }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors };
  };
  const reportAll = (): MetricData[] => {
    const endTime = toHrTime(wallMs());
    return registry.states().map((state) => report.of(state, endTime));
  };
  let last: MetricData[] | null = null;
  return {
    async collect(): Promise<CollectionResult> {
      if (last !== null) return resultOf(isDelta ? last.splice(0) : last, []);
      const errors: unknown[] = [];
      const began = monotonicMs();
      try {
        registry.refresh();
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
