/** What Floatie knows of its own state: which probe is attached and how, and what went wrong. */
import type { Logger } from './log.ts';

export interface ProbeState {
  readonly probe: string;
  readonly attached: boolean;
  /** How it is attached; `none` while it is not. */
  readonly method: string;
  /** Why it is not attached, or not by a better method. */
  readonly reason?: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly probes: readonly ProbeState[];
}

/** One line about failing collections in this time; the metric counts them all. */
const SILENCE_MS = 60_000;

export class Health {
  readonly #log: Logger;
  readonly #probes = new Map<string, ProbeState>();
  #collectErrors = 0;
  #quietUntil = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Collections that failed, whole or in part. */
  get collectErrors(): number {
    return this.#collectErrors;
  }

  attached(probe: string, method: string): void {
    this.#probes.set(probe, { probe, attached: true, method });
  }

  collectFailed(error: unknown): void {
    this.#collectErrors++;
    if (Date.now() < this.#quietUntil) return;
    this.#quietUntil = Date.now() + SILENCE_MS;
    this.#log.error(`Cannot collect: ${error instanceof Error ? error.message : String(error)}`);
  }

  readiness(): Readiness {
    const probes = [...this.#probes.values()];
    return { ready: probes.some(({ attached }) => attached), probes };
  }
}
