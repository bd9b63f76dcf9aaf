/** Lets a job run often while a number changes, and seldom while the number stays. */
export class Pace {
  readonly #busyMs: number;
  readonly #calmMs: number;
  #number = Number.NaN;
  #changedMs = 0;
  #ranMs = 0;

  /**
   * @param busyMs how long after a change the job runs each time, in ms
   * @param calmMs how seldom it runs otherwise, in ms
   */
  constructor(busyMs: number, calmMs: number) {
    this.#busyMs = busyMs;
    this.#calmMs = calmMs;
  }

  /** Whether the job is due. @param nowMs by a clock that never goes back */
  isDue(number: number, nowMs: number): boolean {
    if (number !== this.#number) this.#changedMs = nowMs;
    this.#number = number;
    if (nowMs - this.#changedMs > this.#busyMs && nowMs - this.#ranMs < this.#calmMs) return false;
    this.#ranMs = nowMs;
    return true;
  }
}
