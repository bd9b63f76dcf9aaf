/**
 * Makes an export that failed again before the next one is due: collected anew, so that nothing waits in memory and
 * what arrives is what counts now.
 */

import { retryDelayMs } from './retry-info.ts';

/**
 * gRPC's codes and HTTP's statuses by the OTLP specification; RESOURCE_EXHAUSTED only with the time after which it is
 * over. Numbers, since gRPC is large, and OTLP over HTTP does without it.
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

/** The mean of the first delay; each next one is twice as long. */
const FIRST_MS = 1000;

export class Retry {
  readonly #intervalMs: number;
  readonly #exportAgain: () => void;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Until when the collector asks to be left alone, as performance.now() tells the time. */
  #heldUntil = 0;

  constructor(intervalMs: number, exportAgain: () => void) {
    this.#intervalMs = intervalMs;
    this.#exportAgain = exportAgain;
  }

  /** To be told how every export ended. */
  ended(error: (Error & { readonly code?: unknown }) | null): void {
    this.stop();
    if (error === null) this.#failures = 0;
    if (error === null) return;
    const askedMs = retryDelayMs(error);
    this.#heldUntil = performance.now() + (askedMs ?? 0);
    if (!isRetryable(error.code) && !(error.code === RESOURCE_EXHAUSTED && askedMs !== undefined)) return;
    // Spread out, so that not all nodes come back to a collector at once.
    const backoffMs = FIRST_MS * 2 ** this.#failures * (0.5 + Math.random());
    const delayMs = askedMs === undefined ? backoffMs : askedMs + FIRST_MS * Math.random();
    if (delayMs >= this.#intervalMs) return; // the next export is sooner
    this.#failures++;
    this.#timer = setTimeout(this.#exportAgain, delayMs).unref();
  }

  /** For how long the collector still asks to be left alone, in ms. */
  get heldMs(): number {
    return Math.max(0, this.#heldUntil - performance.now());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#heldUntil = 0;
  }
}

/** A text is the name of an error of the network: nobody has answered. */
function isRetryable(code: unknown): boolean {
  return RETRYABLE.has(code) || typeof code === 'string';
}
