/** How long operations took lately: told by receivers that time them, asked by those that explain what happened. */

/** The time in µs that 99 of 100 operations did not exceed, by operation; absent for what was not done. */
type P99Us = Readonly<Record<string, number>>;

export class Latencies {
  readonly #tellers: ((cgroupId: bigint) => P99Us)[] = [];

  /** @param p99Us of one cgroup, over the last minute */
  add(p99Us: (cgroupId: bigint) => P99Us): void {
    this.#tellers.push(p99Us);
  }

  /** Of all receivers that run. */
  p99Us(cgroupId: bigint): P99Us {
    return Object.assign({}, ...this.#tellers.map((p99Us) => p99Us(cgroupId)));
  }
}
