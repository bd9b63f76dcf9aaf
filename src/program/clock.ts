/**
 * The two clocks. The monotonic one tells how long something has lasted: ages, waits and limits. The clock of the day
 * tells when something was. It can be wrong when a machine starts, and anybody may set it, so it is asked each time:
 * `hrTime()` of OpenTelemetry's core keeps the time of day of the start for good.
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

/** The time of day of a moment of CLOCK_MONOTONIC, as the clock goes now. */
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

/** By how much the two clocks must have moved apart, in s, to say that the clock of the day was set. */
const STEP_S = 1;

/** When something was. It follows the clock of the day when that is set, and stays to the last digit otherwise. */
export class Stamp {
  /** Since the machine booted; unlike CLOCK_MONOTONIC this counts the time that the machine slept. */
  readonly #bootS: number;
  #seconds: number;

  /** @param agoS how long ago it was, in s */
  constructor(agoS = 0) {
    this.#bootS = uptime() - agoS;
    this.#seconds = wallMs() / 1000 - agoS;
  }

  /** Since 1970. */
  get seconds(): number {
    const seconds = wallMs() / 1000 - (uptime() - this.#bootS);
    if (Math.abs(seconds - this.#seconds) > STEP_S) this.#seconds = seconds;
    return this.#seconds;
  }
}
