/**
 * Whether a way to attach is exact on this kernel: threads that share a CPU read a file on an overlay of their own, as
 * fast as they can, and every read must be counted. A task that is interrupted inside a program, where the kernel
 * allows that, keeps the program from running for all others on its CPU; here that happens many times over.
 */
import { openOnDetachedOverlay, type SlowReader, shareOneCpu } from '../../native/index.ts';
import { type CountsOptions, type Features, OverlayfsCounts } from './counts.ts';
import { OPERATIONS } from './operations.ts';
import { attachProbes, type Method } from './probes.ts';

export interface Trial {
  /** Reads that were done. */
  readonly done: number;
  /** Reads that were counted. */
  readonly counted: number;
  /** Runs of the programs that the kernel left out, those for other system calls among them. */
  readonly missed: number;
}

export function isExact({ done, counted, missed }: Trial): boolean {
  return counted === done && missed === 0;
}

/** As many as Node's pool has, when nobody changed that. */
const THREADS = 4;
const READS_A_ROUND = 5000;
/** Long enough for a scheduler that looks at its tasks 100 times a second to come by often. */
const DURATION_MS = 150;

/**
 * Loads the programs of one method once more, for this process alone. Rejects with the reason when the method does not
 * work here; a trial that is not possible here is null.
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
    // Whatever this process' other threads do.
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
    .flatMap(({ operations }) => operations.read.buckets)
    .reduce((sum, count) => sum + count, 0);
}

/** @returns how many reads were done, or null where no overlay can be had to read from */
async function readALot(): Promise<number | null> {
  const readers = openReaders();
  if (readers === null) return null;
  try {
    const round = (): Promise<number[]> => Promise.all(readers.map((reader) => reader.read()));
    // The first one starts the threads.
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
