/** Metrics that are read when somebody collects. */
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import { toHrTime, wallMs } from '../program/clock.ts';
import { keyOf } from './attributes.ts';
import type { Metric } from './catalogue.ts';
import type { MetricRegistry, Sample } from './registry.ts';

/**
 * Measures when a reader collects, in whole parts of the unit for metrics with {@link Metric.perUnit}. Without a call
 * of `observe` there is no value. An error fails the collection.
 */
export type Observe = (observe: (value: number, attributes?: Attributes) => void) => void;

/** Takes a metric with what is to be read for it: as an instrument, or as a source of the registry. */
export type Observer = (metric: Metric, read: Observe) => void;

/** Registers instruments of a program's own meter. */
export function instrumentsOf(meter: Meter): Observer {
  return (metric, read) => {
    const options = { description: metric.description, unit: metric.unit };
    const instrument =
      metric.kind === 'counter'
        ? meter.createObservableCounter(metric.name, options)
        : meter.createObservableGauge(metric.name, options);
    instrument.addCallback((result: ObservableResult) =>
      read((value, attributes) => result.observe(value / (metric.perUnit ?? 1), attributes)),
    );
  };
}

/**
 * Adds what is observed to the receivers' series, which outlive a change of exporters and views: instruments of the SDK
 * belong to one MeterProvider, and begin anew with the next.
 */
export function sourcesOf(registry: MetricRegistry): Observer {
  const startTime = toHrTime(wallMs());
  return (metric, read) => {
    registry.addSource({
      metrics: [metric],
      read() {
        const samples: Sample[] = [];
        read((value, attributes = {}) => {
          const member = { key: keyOf(attributes), attributes, startTime, totals: Float64Array.of(value) };
          samples.push({ metric, member });
        });
        return samples;
      },
    });
  };
}
