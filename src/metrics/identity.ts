/** The owner of a series, as attributes. */
import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Identity } from '../containers/identity.ts';

export function attributesOf({ cgroup, containerId, podUid }: Identity): Attributes {
  return {
    cgroup,
    ...(containerId === undefined ? {} : { 'container.id': containerId }),
    ...(podUid === undefined ? {} : { 'k8s.pod.uid': podUid }),
  };
}

/** CLOCK_MONOTONIC in ns as the time of day, by the distance of the two clocks when Floatie started. */
export function wallClock(monotonicNs: number): HrTime {
  const ns = monotonicNs + CLOCK_DISTANCE_NS;
  return [Math.floor(ns / 1e9), Math.floor(ns % 1e9)];
}

const CLOCK_DISTANCE_NS = Date.now() * 1e6 - Number(process.hrtime.bigint());
