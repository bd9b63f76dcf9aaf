/** The last seconds, while somebody looks. */
import { monotonicMs, wallMs } from '../program/clock.ts';
import { SECONDS } from './schema.ts';

/** The end of a step or second. */
export interface End {
  readonly wallMs: number;
  readonly lengthS: number;
}

export class Seconds {
  /** The ends of the last ones, oldest first. */
  readonly ends: End[] = [];
  #number = 0;
  #beganMs: number;

  /** @param beganMs the first one may be longer: it begins with the step */
  constructor(beganMs: number) {
    this.#beganMs = beganMs;
  }

  /** The number of the second that goes on. */
  get number(): number {
    return this.#number;
  }

  end(): void {
    this.ends.push(endOf(this.#beganMs));
    if (this.ends.length > SECONDS) this.ends.shift();
    this.#beganMs = monotonicMs();
    this.#number++;
  }
}

export function endOf(beganMs: number): End {
  return { wallMs: wallMs(), lengthS: (monotonicMs() - beganMs) / 1000 };
}
