/** One of the benchmarks. */
import type { Results } from './results.ts';
import type { Tree } from './tree.ts';

export interface Part {
  readonly title: string;
  /** Throws {@link Missing} where nothing of it can be measured here. */
  measure(bench: Bench): Promise<void>;
}

export interface Bench {
  /** This checkout first, then those of `--beside`. */
  readonly trees: readonly [Tree, ...Tree[]];
  readonly results: Results;
  /** The rounds to measure, of these in a full run. */
  rounds(full: number): number;
}
