/**
 * Tries whether a method is exact on this kernel: threads on one CPU read a file on an overlay of their own as fast as
 * they can, and every read must be counted. Where the kernel can preempt a BPF program, it skips the program for all
 * other tasks on that CPU meanwhile; in the trial that happens many times.
 */
import { openOnDetachedOverlay, type SlowReader, shareOneCpu } from '../../native/index.ts';
import { type CountsOptions, type Features, OverlayfsCounts } from './counts.ts';
import { OPERATIONS } from './operations.ts';
import { attachProbes, type Method } from './probes.ts';

export interface Trial {
  /** The number of reads. */
  readonly done: number;
  /** The number of counted reads. */
  readonly counted: number;
  /** Runs of the programs that the kernel skipped, also for other system calls. */
  readonly missed: number;
}

export function isExact({ done, counted, missed }: Trial): boolean {
  return counted === done && missed === 0;
}

/** The default number of threads in Node's pool. */
const THREADS = 4;
const READS_A_ROUND = 5000;
/** Long enough for many ticks of a scheduler with 100 Hz. */
const DURATION_MS = 150;

/**
 * Loads the programs of one method a second time, only for this process. Rejects with the reason when the method does
 * not work here; null where no trial is possible.
 */
export async function tryMethod(
  { objects }: Pick<CountsOptions, 'objects'>,
  method: Method,
  limit: Partial<Features> = {},
): Promise<Trial | null> {
  const counts = new OverlayfsCounts({
    objects,
    boundsNs: [1],
    pidNsInum: 0,
    maxMapEntries: 1,
    // Enough for all other threads of this process.
    maxThreads: 4096,
    cgroupVersion: 2,
    expireMs: 0,
    onlyThisProcess: true,
  });
  try {
    const required = OPERATIONS.filter(({ isRequired }) => isRequired);
    const probes = attachProbes(counts, method, limit, required);
    try {
      const done = await readALot();
      if (done === null) return null;
      const { entry, exit } = probes.missed();
      return { done, counted: countedReads(counts), missed: entry + exit };
    } finally {
      probes.detach();
    }
  } finally {
    counts.close();
  }
}

function countedReads(counts: OverlayfsCounts): number {
  return counts
    .read()
    .flatMap(({ operations }) => operations.read?.buckets ?? [])
    .reduce((sum, count) => sum + count, 0);
}

/** @returns the number of reads, or null where no overlay can be mounted */
async function readALot(): Promise<number | null> {
  const readers = openReaders();
  if (readers === null) return null;
  try {
    const round = (): Promise<number[]> => Promise.all(readers.map((reader) => reader.read()));
    // The first round starts the threads.
    let done = sum(await round());
    using _ = shareOneCpu();
    const started = performance.now();
    do done += sum(await round());
    while (performance.now() - started < DURATION_MS);
    return done;
  } finally {
    for (const reader of readers) reader.close();
  }
}

function openReaders(): SlowReader[] | null {
  try {
    return openOnDetachedOverlay(READS_A_ROUND, THREADS);
  } catch {
    return null;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b);
}
