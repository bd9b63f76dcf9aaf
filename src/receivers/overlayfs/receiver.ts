/**
 * The overlayfs receiver: attaches in the cheapest way that is exact here, and changes to the next one if it is not.
 */
import { readFileSync } from 'node:fs';
import { checkKernel, explain } from '../../kernel/explain.ts';
import { Tracefs } from '../../kernel/tracefs.ts';
import type { RingBuffer } from '../../native/index.ts';
import { errorOf } from '../../program/reason.ts';
import { reasonFor } from '../../program/refusal.ts';
import type { Claims } from '../slots.ts';
import type { Cause } from './causes.ts';
import { type CgroupTotals, type CountedMiss, type CountsOptions, type Features, OverlayfsCounts } from './counts.ts';
import { OPERATIONS, OPS, type Op } from './operations.ts';
import { attachProbes, METHODS, type Method, type Probes, type Unmeasured } from './probes.ts';
import type { SlowEvents } from './slow-events.ts';
import { isExact, tryMethod } from './trial.ts';

export type Attach = 'auto' | 'fentry' | 'kprobe' | 'syscall';

export interface OverlayfsOptions extends CountsOptions {
  readonly attach?: Attach | 'syscall_classic';
  /** The operations to attach; all by default. */
  readonly operations?: readonly Op[];
  /** Whether to tell apart what operations sleep for. */
  readonly sleeps?: boolean;
  /** For tests: leaves out features that older kernels lack. */
  readonly features?: Partial<Features>;
  /** Called when the way of attaching changes, and when attaching has to wait. */
  readonly onChange?: (state: AttachState) => void;
  /** For tests: the text of /proc/filesystems. */
  readonly filesystems?: () => string;
  /** For tests: replaces the function that attaches. */
  readonly attachBy?: typeof attachProbes;
  /** For tests: replaces the trial. */
  readonly tryBy?: typeof tryMethod;
}

/** The reason why a method is not used. */
export interface Refusal {
  readonly method: Method;
  readonly reason: string;
}

export interface AttachState {
  /** null while nothing is attached. */
  readonly method: Method | null;
  /** Why nothing is attached; null while attached, and while waiting for overlayfs to be registered. */
  readonly failure: Error | null;
  /** The cheaper methods, and why each of them is not used. */
  readonly refusals: readonly Refusal[];
  /** The operations that the attached method cannot measure on this kernel. */
  readonly unmeasured: readonly Unmeasured[];
  /** The causes that are told apart. */
  readonly causes: readonly Cause[];
}

/** Before a method is attached. */
export const DETACHED: AttachState = { method: null, failure: null, refusals: [], unmeasured: [], causes: [] };

export type Miss = CountedMiss | 'skipped_entry' | 'skipped_exit';

/** The methods of each setting, in the order of trying. */
export const METHODS_OF: Record<Attach | 'syscall_classic', readonly Method[]> = {
  auto: METHODS,
  fentry: ['fentry'],
  kprobe: ['kprobe'],
  syscall: ['syscall', 'syscall_classic'],
  syscall_classic: ['syscall_classic'],
};

export class OverlayfsReceiver {
  readonly #options: OverlayfsOptions;
  readonly #counts: OverlayfsCounts;
  readonly #refusals: Refusal[] = [];
  #remaining: Method[];
  /** Methods that can be attached but miss operations. */
  readonly #inexact: Method[] = [];
  #probes: Probes | null = null;
  /** The error once no method can be attached. */
  #failure: Error | null = null;
  /** Skipped runs of methods that are detached by now. */
  #missedBefore = { entry: 0, exit: 0 };
  #supervising: Promise<void> | null = null;
  #stopped = false;

  /** Attaches, or waits for overlayfs to be registered. Rejects with an error with cause and cure when no way works. */
  static async start(options: OverlayfsOptions): Promise<OverlayfsReceiver> {
    checkKernel();
    const counts = createCounts(options);
    try {
      const receiver = new OverlayfsReceiver(options, counts);
      sweepEvents();
      await receiver.supervise();
      return receiver;
    } catch (error) {
      counts.close();
      throw error;
    }
  }

  private constructor(options: OverlayfsOptions, counts: OverlayfsCounts) {
    this.#options = options;
    this.#counts = counts;
    this.#remaining = [...METHODS_OF[options.attach ?? 'auto']];
  }

  /** Has a record when a cgroup got counts of its own. */
  get newCgroups(): RingBuffer {
    return this.#counts.newCgroups;
  }

  /** The attached method; null while waiting. */
  get method(): Method | null {
    return this.#probes?.method ?? null;
  }

  /**
   * Call periodically: attaches once overlayfs is registered, and replaces a method that missed operations by the next
   * one. A replaced method is used again only where no other one can be attached. Concurrent calls share one run.
   * Rejects while no way is left.
   */
  async supervise(): Promise<void> {
    this.#supervising ??= this.#supervise().finally(() => {
      this.#supervising = null;
    });
    await this.#supervising;
  }

  async #supervise(): Promise<void> {
    if (this.#stopped) return;
    if (this.#failure !== null) throw this.#failure;
    try {
      await this.#look();
    } catch (thrown) {
      const failure = errorOf(thrown);
      if (this.#probes === null) this.#options.onChange?.({ ...DETACHED, failure, refusals: this.#refusals });
      throw failure;
    }
  }

  async #look(): Promise<void> {
    if (this.#probes === null) {
      if (this.#mustWait()) this.#options.onChange?.(DETACHED);
      else await this.#attachNext();
      return;
    }
    this.#counts.missedThreadEnds(this.#probes.missedThreadEnds());
    const { method } = this.#probes;
    const { entry, exit } = this.#probes.missed();
    if (entry + exit === 0 || this.#remaining.length === 0) return;
    this.#missedBefore = { entry: this.#missedBefore.entry + entry, exit: this.#missedBefore.exit + exit };
    this.#probes.detach();
    this.#probes = null;
    this.#inexact.push(method);
    this.#refusals.push({
      method,
      reason: `it missed ${entry} entries and ${exit} exits: the kernel interrupts it here`,
    });
    await this.#attachNext();
  }

  /** See {@link OverlayfsCounts.read}. */
  read(): CgroupTotals[] {
    return this.#counts.read();
  }

  /** See {@link OverlayfsCounts.each}. */
  each(): ReturnType<OverlayfsCounts['each']> {
    return this.#counts.each();
  }

  /** See {@link OverlayfsCounts.entries}. */
  entries(): ReturnType<OverlayfsCounts['entries']> {
    return this.#counts.entries();
  }

  /** See {@link OverlayfsCounts.cgroupIds}. */
  cgroupIds(): bigint[] {
    return this.#counts.cgroupIds();
  }

  /** See {@link OverlayfsCounts.retire}. */
  retire(isGone: (cgroupId: bigint) => boolean, nowMs: number): CgroupTotals[] {
    return this.#counts.retire(isGone, nowMs);
  }

  /** See {@link OverlayfsCounts.reclaim}. */
  reclaim(claims: Claims, nowMs: number): CgroupTotals[] {
    return this.#counts.reclaim(claims, nowMs);
  }

  /** See {@link OverlayfsCounts.isBanished}. */
  isBanished(cgroupId: bigint): boolean {
    return this.#counts.isBanished(cgroupId);
  }

  /** See {@link OverlayfsCounts.expireAfter}. */
  expireAfter(ms: number): void {
    this.#counts.expireAfter(ms);
  }

  /** The number of cgroups with counts of their own. */
  usedEntries(): number {
    return this.#counts.usedEntries();
  }

  /** See {@link OverlayfsCounts.isFull}. */
  get isFull(): boolean {
    return this.#counts.isFull;
  }

  /** See {@link OverlayfsCounts.changes}. */
  changes(): number {
    return this.#counts.changes();
  }

  /** See {@link OverlayfsCounts.threads}. */
  threads(): number | null {
    return this.#counts.threads();
  }

  /** The number of operations in the overflow. */
  overflowed(): number {
    return this.#counts.overflowed();
  }

  /** The events of slow operations. */
  get slow(): SlowEvents {
    return this.#counts.slow;
  }

  /** Missed operations by reason. Makes a few system calls. */
  misses(): Record<Miss, number> {
    const { entry, exit } = this.#probes?.missed() ?? { entry: 0, exit: 0 };
    const { entry: entryBefore, exit: exitBefore } = this.#missedBefore;
    return { ...this.#counts.misses(), skipped_entry: entryBefore + entry, skipped_exit: exitBefore + exit };
  }

  /** Detaches and unloads everything. Safe to call twice. */
  stop(): void {
    this.#stopped = true;
    this.#probes?.detach();
    this.#counts.close();
  }

  /** Only `auto` waits: a forced method fails at once. */
  #mustWait(): boolean {
    if (!this.#isAuto) return false;
    return !isOverlayfsRegistered(this.#options.filesystems);
  }

  async #attachNext(): Promise<void> {
    let last = new Error('no way to attach is left');
    for (let method = this.#remaining.shift(); method !== undefined; method = this.#remaining.shift()) {
      try {
        await this.#try(method);
        if (this.#stopped) return;
        this.#attach(method);
        return;
      } catch (error) {
        last = errorOf(explain(error));
        this.#refusals.push({ method, reason: reasonFor(last) });
      }
    }
    // An inexact method is better than none: its misses are counted.
    const inexact = this.#inexact.at(-1);
    if (inexact !== undefined) {
      this.#attach(inexact);
      return;
    }
    this.#failure = this.#isAuto
      ? last
      : new Error(
          `Cannot attach to overlayfs by ${this.#options.attach}: ${reasonFor(last)} (receivers.overlayfs.attach: auto takes what works)`,
        );
    throw this.#failure;
  }

  #attach(method: Method): void {
    const { attachBy = attachProbes, features, sleeps = false, operations = OPS, onChange } = this.#options;
    const chosen = OPERATIONS.filter(({ op }) => operations.includes(op));
    this.#probes = attachBy(this.#counts, method, { ...features, sleeps }, chosen);
    onChange?.({
      method,
      failure: null,
      refusals: this.#refusals.filter((refusal) => refusal.method !== method),
      unmeasured: this.#probes.unmeasured,
      causes: this.#probes.causes,
    });
  }

  /** Rejects with the reason not to use this method, as long as another one is left. */
  async #try(method: Method): Promise<void> {
    if (this.#remaining.length === 0) return;
    const { tryBy = tryMethod, features } = this.#options;
    const trial = await tryBy(this.#options, method, features);
    if (trial === null || isExact(trial)) return;
    this.#inexact.push(method);
    throw new Error(
      `in a trial it counted ${trial.counted} of ${trial.done} reads, and the kernel skipped ${trial.missed} runs of its programs`,
    );
  }

  get #isAuto(): boolean {
    return (this.#options.attach ?? 'auto') === 'auto';
  }
}

/** Whether overlayfs is registered, built in or as a module. */
export function isOverlayfsRegistered(filesystems = () => readFileSync('/proc/filesystems', 'utf8')): boolean {
  return /\toverlay$/m.test(filesystems());
}

function createCounts(options: CountsOptions): OverlayfsCounts {
  try {
    return new OverlayfsCounts(options);
  } catch (error) {
    throw explain(error);
  }
}

/** Removes the kprobe events of a Floatie that crashed, if tracefs can be used. */
function sweepEvents(): void {
  try {
    Tracefs.open().sweep();
  } catch {
    // Attaching by kprobe reports the error.
  }
}
