/** Recent latencies: receivers that time operations add theirs, and receivers that explain an event read them. */

/** The 99th percentile in µs by operation; absent for an operation that was not done. */
type P99Us = Readonly<Record<string, number>>;

export class Latencies {
  readonly #sources: ((cgroupId: bigint) => P99Us)[] = [];

  /** @param p99Us the latencies of a cgroup in the last minute */
  add(p99Us: (cgroupId: bigint) => P99Us): void {
    this.#sources.push(p99Us);
  }

  /** The latencies of a cgroup in the last minute, of all receivers. */
  p99Us(cgroupId: bigint): P99Us {
    return Object.assign({}, ...this.#sources.map((p99Us) => p99Us(cgroupId)));
  }
}
