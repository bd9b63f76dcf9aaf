/**
 * Repeats a failed export before the next interval. It collects again instead of keeping the failed data, so nothing
 * waits in memory and the data is current.
 */

import { retryDelayMs } from './retry-info.ts';

/**
 * Retryable gRPC codes and HTTP statuses by the OTLP specification; RESOURCE_EXHAUSTED only with a RetryInfo. As
 * numbers, so that OTLP over HTTP does not load gRPC, which is large.
 */
const RETRYABLE: ReadonlySet<unknown> = new Set([
  ...Object.values({
    CANCELLED: 1,
    DEADLINE_EXCEEDED: 4,
    ABORTED: 10,
    OUT_OF_RANGE: 11,
    UNAVAILABLE: 14,
    DATA_LOSS: 15,
  }),
  ...[429, 502, 503, 504],
]);

const RESOURCE_EXHAUSTED = 8;

/** The mean of the first delay, in ms; each further delay is twice as long. */
const FIRST_MS = 1000;

export class Retry {
  readonly #intervalMs: number;
  readonly #exportAgain: () => void;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** The end of the delay that the collector asked for, in ms of performance.now(). */
  #heldUntil = 0;

  constructor(intervalMs: number, exportAgain: () => void) {
    this.#intervalMs = intervalMs;
    this.#exportAgain = exportAgain;
  }

  ended(error: (Error & { readonly code?: unknown }) | null): void {
    this.stop();
    if (error === null) this.#failures = 0;
    if (error === null) return;
    const askedMs = retryDelayMs(error);
    this.#heldUntil = performance.now() + (askedMs ?? 0);
    if (!isRetryable(error.code) && !(error.code === RESOURCE_EXHAUSTED && askedMs !== undefined)) return;
    // With jitter, so that the nodes do not all return to a collector at once.
    const backoffMs = FIRST_MS * 2 ** this.#failures * (0.5 + Math.random());
    const delayMs = askedMs === undefined ? backoffMs : askedMs + FIRST_MS * Math.random();
    if (delayMs >= this.#intervalMs) return; // the next export is sooner
    this.#failures++;
    this.#timer = setTimeout(this.#exportAgain, delayMs).unref();
  }

  /** The rest of the delay that the collector asked for, in ms. */
  get heldMs(): number {
    return Math.max(0, this.#heldUntil - performance.now());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heldUntil = 0;
  }
}

/** A text is the name of a network error: there was no answer. */
function isRetryable(code: unknown): boolean {
  return RETRYABLE.has(code) || typeof code === 'string';
}
