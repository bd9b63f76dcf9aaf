/** The periodic work of a receiver that counts by cgroup: it names new cgroups, and takes entries back. */
import type { RingBuffer } from '../native/index.ts';
import { monotonicMs } from '../program/clock.ts';
import { Pace } from '../program/pace.ts';
import { inSteps } from '../program/steps.ts';
import type { CgroupSource } from './cgroup-source.ts';
import { type Context, EVENTS_MS, NO_EVENTS_MS } from './receiver.ts';

/** How often names that could not be found are searched again, in ms. */
const RENAME_MS = 5000;
/** How often map entries are taken back while free ones are short, in ms, and how seldom it is found that they are. */
const RECLAIM_MS = 500;
const NO_RECLAIM_MS = 1000;
/** How long that goes on after a cgroup got an entry, or found none, in ms. It asks for each cgroup whether it exists. */
const CROWDED_MS = 5000;
/** How often map entries are taken back otherwise, in ms. */
const CALM_MS = 30_000;
/** How often series that are too old are looked for at least, in ms. */
const RETIRE_MS = 10_000;

/** See {@link Histograms}. */
interface Counts {
  /** Has a record when a cgroup got counts of its own. */
  readonly newCgroups: RingBuffer;
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
  context: Pick<Context<unknown>, 'registry' | 'cgroups' | 'every' | 'wakeBy' | 'hurry'>,
  counts: Counts,
  source: CgroupSource<Op, Counter>,
  names: Names,
  expireMs: number,
): (expireMs: number) => void {
  const { registry, cgroups, every } = context;
  // While no cgroup gets an entry, only what could not be named before is left to do.
  const naming = new Pace(0, RENAME_MS);
  const learn = async (): Promise<void> => {
    counts.newCgroups.skip();
    if (naming.isDue(counts.changes(), monotonicMs()) || cgroups.isSearching) await inSteps(source.learning());
    if (cgroups.isSearching) context.hurry();
  };
  // Soon, since they may be removed again.
  context.wakeBy(counts.newCgroups);
  every(EVENTS_MS, names.learn, learn, NO_EVENTS_MS);
  const reclaiming = new Pace(CROWDED_MS, CALM_MS);
  const takeBack = (): void => {
    // Whoever finds no free entry counts in the overflow.
    const short = counts.isFull ? counts.overflowed() : 0;
    if (!reclaiming.isDue(counts.usedEntries() + short, monotonicMs())) return;
    registry.end(source.reclaim((ms) => registry.isReadSince(ms)));
  };
  every(RECLAIM_MS, names.reclaim, takeBack, NO_RECLAIM_MS);
  const retire = (ms: number) => every(Math.min(RETIRE_MS, ms / 5), names.retire, () => registry.end(source.retire()));
  let end = retire(expireMs);
  return (ms) => {
    counts.expireAfter(ms);
    end();
    end = retire(ms);
  };
}
