/**
 * The two clocks. The monotonic clock measures ages, waits and limits; the wall clock gives time stamps. It can be
 * wrong when a machine starts, and can be set at any time, so it is read for each time stamp: `hrTime()` of
 * OpenTelemetry's core reads it once, at the start of the process.
 */
import { uptime } from 'node:os';
import type { HrTime } from '@opentelemetry/api';

/** For differences only. */
export function monotonicMs(): number {
  return performance.now();
}

/** CLOCK_MONOTONIC, which is also that of `bpf_ktime_get_ns()`. */
export function monotonicNs(): number {
  return Number(process.hrtime.bigint());
}

/** The time of day in ms since 1970. */
export function wallMs(): number {
  return Date.now();
}

/** Converts a time of CLOCK_MONOTONIC to the wall clock as it is set now. */
export function wallMsOf(momentNs: number): number {
  return wallMs() - (monotonicNs() - momentNs) / 1e6;
}

export function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}

export function isAfter(a: HrTime, b: HrTime): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

/** A change of the difference between the two clocks, in s, from which on the wall clock counts as set. */
const STEP_S = 1;

/** The time stamp of an event. It changes only when the wall clock is set, and then follows it. */
export class Stamp {
  /** The event in seconds since the boot. Unlike CLOCK_MONOTONIC, this clock goes on while the machine is suspended. */
  readonly #bootS: number;
  #seconds: number;

  /** @param agoS the event's age in s */
  constructor(agoS = 0) {
    this.#bootS = uptime() - agoS;
    this.#seconds = wallMs() / 1000 - agoS;
  }

  /** Seconds since 1970. */
  get seconds(): number {
    const seconds = wallMs() / 1000 - (uptime() - this.#bootS);
    if (Math.abs(seconds - this.#seconds) > STEP_S) this.#seconds = seconds;
    return this.#seconds;
  }
}
