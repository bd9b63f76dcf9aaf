/** Bounds how many files are read in a second, whoever has many cgroups, processes or kills. */
import { monotonicMs } from '../program/clock.ts';

export class FileBudget {
  readonly #perSecond: number;
  #left: number;
  #sinceMs = monotonicMs();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /**
   * Whether these many files may be read now; then they count as read.
   *
   * @param reserve how many more must be left in this second, for what cannot wait
   */
  take(files: number, nowMs = monotonicMs(), reserve = 0): boolean {
    if (nowMs - this.#sinceMs >= 1000) {
      this.#sinceMs = nowMs;
      this.#left = this.#perSecond;
    }
    if (this.#left < files + reserve) return false;
    this.#left -= files;
    return true;
  }
}
