/** Bounds how many files are read in a second, whoever has many cgroups, processes or kills. */
import { monotonicMs } from '../program/clock.ts';

export class FileBudget {
  readonly #perSecond: number;
  #left: number;
  #sinceMs = monotonicMs();

  /** @param perSecond how many can be read at once, too, after a second without a reading */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /**
   * Whether these many files may be read now; then they count as read.
   *
   * @param reserve how many more must be left, for what cannot wait
   */
  take(files: number, nowMs = monotonicMs(), reserve = 0): boolean {
    // No window that begins each second: who comes each second, and a moment too early, would be refused each second time.
    this.#left = Math.min(this.#perSecond, this.#left + ((nowMs - this.#sinceMs) / 1000) * this.#perSecond);
    this.#sinceMs = nowMs;
    if (this.#left < files + reserve) return false;
    this.#left -= files;
    return true;
  }
}
