/** The periodic work of a receiver that counts by cgroup: it names new cgroups, and takes entries back. */
import { monotonicMs } from '../program/clock.ts';
import { Pace } from '../program/pace.ts';
import type { CgroupSource } from './cgroup-source.ts';
import type { Context } from './receiver.ts';

/** How often new cgroups are named, in ms: soon, since they may be removed again. */
const LEARN_MS = 100;
/** How often names that could not be found are searched again, in ms. */
const RENAME_MS = 5000;
/** How often map entries are taken back while free ones are short, in ms. */
const RECLAIM_MS = 500;
/** How long that goes on after a cgroup got an entry, or found none, in ms. It asks for each cgroup whether it exists. */
const CROWDED_MS = 5000;
/** How often map entries are taken back otherwise, in ms. */
const CALM_MS = 30_000;
/** How often series that are too old are looked for at least, in ms. */
const RETIRE_MS = 10_000;

/** See {@link Histograms}. */
interface Counts {
  changes(): number;
  readonly isFull: boolean;
  usedEntries(): number;
  /** The number of operations in the overflow. */
  overflowed(): number;
  expireAfter(ms: number): void;
}

/** The names of the jobs, as in `Jobs` of program/jobs.ts. */
interface Names {
  readonly learn: string;
  readonly reclaim: string;
  readonly retire: string;
}

/**
 * @param expireMs how long the counts of removed cgroups stay
 * @returns changes `expireMs`
 */
export function runCgroupJobs<Op extends string, Counter extends string>(
  { registry, cgroups, every }: Pick<Context<unknown>, 'registry' | 'cgroups' | 'every'>,
  counts: Counts,
  source: CgroupSource<Op, Counter>,
  names: Names,
  expireMs: number,
): (expireMs: number) => void {
  // While no cgroup gets an entry, only what could not be named before is left to do.
  const naming = new Pace(0, RENAME_MS);
  every(LEARN_MS, names.learn, () => {
    if (naming.isDue(counts.changes(), monotonicMs()) || cgroups.isSearching) source.learn();
  });
  const reclaiming = new Pace(CROWDED_MS, CALM_MS);
  every(RECLAIM_MS, names.reclaim, () => {
    // Whoever finds no free entry counts in the overflow.
    const short = counts.isFull ? counts.overflowed() : 0;
    if (!reclaiming.isDue(counts.usedEntries() + short, monotonicMs())) return;
    registry.end(source.reclaim((ms) => registry.isReadSince(ms)));
  });
  const retire = (ms: number) => every(Math.min(RETIRE_MS, ms / 5), names.retire, () => registry.end(source.retire()));
  let end = retire(expireMs);
  return (ms) => {
    counts.expireAfter(ms);
    end();
    end = retire(ms);
  };
}
