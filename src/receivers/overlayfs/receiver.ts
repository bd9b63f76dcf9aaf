/** The overlayfs receiver: attached in the cheapest way that is exact here, stepping to the next when it is not. */
import { readFileSync } from 'node:fs';
import { checkKernel, explain } from '../../kernel/explain.ts';
import { Tracefs } from '../../kernel/tracefs.ts';
import { errorOf } from '../../program/reason.ts';
import { reasonFor } from '../../program/refusal.ts';
import type { Claims } from '../slots.ts';
import { type CgroupTotals, type CountedMiss, type CountsOptions, type Features, OverlayfsCounts } from './counts.ts';
import { attachProbes, METHODS, type Method, type Probes, type Unmeasured } from './probes.ts';
import { isExact, tryMethod } from './trial.ts';

export type Attach = 'auto' | 'fentry' | 'kprobe' | 'syscall';

export interface OverlayfsOptions extends CountsOptions {
  readonly attach?: Attach | 'syscall_classic';
  /** Leaves out what older kernels lack, as they would: for tests on newer ones. */
  readonly features?: Partial<Features>;
  /** Told whenever the way it is attached changes, or that it cannot be attached yet. */
  readonly onChange?: (state: AttachState) => void;
  /** For tests: the text of /proc/filesystems. */
  readonly filesystems?: () => string;
  /** For tests: attaches in another way. */
  readonly attachBy?: typeof attachProbes;
  /** For tests: tries a method in another way. */
  readonly tryBy?: typeof tryMethod;
}

/** Why a method is not used here. */
export interface Refusal {
  readonly method: Method;
  readonly reason: string;
}

export interface AttachState {
  /** null while it is not attached. */
  readonly method: Method | null;
  /** Why it is not attached; null while it is, or waits for overlayfs to appear in the kernel. */
  readonly failure: Error | null;
  /** The cheaper methods, and why not. */
  readonly refusals: readonly Refusal[];
  /** The operations that the method in use does not have on this kernel. */
  readonly unmeasured: readonly Unmeasured[];
}

export type Miss = CountedMiss | 'skipped_entry' | 'skipped_exit';

/** What each setting tries, in its order. */
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
  /** Those that can be attached and were left, or not taken, because they miss something. */
  readonly #inexact: Method[] = [];
  #probes: Probes | null = null;
  /** Why it cannot be attached, once every way is refused. */
  #failure: Error | null = null;
  /** Of methods that are no longer attached. */
  #missedBefore = { entry: 0, exit: 0 };
  #supervising: Promise<void> | null = null;
  #stopped = false;

  /** Attaches, or waits for overlayfs to appear. Rejects with an error that names cause and cure when no way works. */
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

  /** How it is attached; null while it waits. */
  get method(): Method | null {
    return this.#probes?.method ?? null;
  }

  /**
   * To be called from time to time: attaches once overlayfs is there, and leaves a method that missed something for the
   * next one. It goes back to one it has left only where no other can be attached. A call while another one is at it
   * waits for that. Rejects when no way is left, each time.
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
      if (this.#probes === null)
        this.#options.onChange?.({ method: null, failure, refusals: this.#refusals, unmeasured: [] });
      throw failure;
    }
  }

  async #look(): Promise<void> {
    if (this.#probes === null) {
      if (this.#mustWait()) this.#options.onChange?.({ method: null, failure: null, refusals: [], unmeasured: [] });
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

  /** How many cgroups have counts of their own. */
  usedEntries(): number {
    return this.#counts.usedEntries();
  }

  /** See {@link OverlayfsCounts.threads}. */
  threads(): number | null {
    return this.#counts.threads();
  }

  /** Operations of cgroups that found no free entry. */
  overflowed(): number {
    return this.#counts.overflowed();
  }

  /** Operations that could not be timed, by reason. Makes a few system calls. */
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

  /** Only `auto` waits: what is forced shows its error at once. */
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
    // What it misses is counted: that is better than nothing.
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
    const { attachBy = attachProbes, features, onChange } = this.#options;
    this.#probes = attachBy(this.#counts, method, features);
    onChange?.({
      method,
      failure: null,
      refusals: this.#refusals.filter((refusal) => refusal.method !== method),
      unmeasured: this.#probes.unmeasured,
    });
  }

  /** Rejects with the reason not to attach by this method, where there is another one to take. */
  async #try(method: Method): Promise<void> {
    if (this.#remaining.length === 0) return;
    const { tryBy = tryMethod, features } = this.#options;
    const trial = await tryBy(this.#options, method, features);
    if (trial === null || isExact(trial)) return;
    this.#inexact.push(method);
    throw new Error(
      `in a trial it counted ${trial.counted} of ${trial.done} reads, and ${trial.missed} runs of its programs were left out: the kernel interrupts it here`,
    );
  }

  get #isAuto(): boolean {
    return (this.#options.attach ?? 'auto') === 'auto';
  }
}

/** Whether the kernel knows overlayfs, be it built in or loaded. */
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

/** What a Floatie left behind that did not end well. Where tracefs cannot be used there is nothing to be done. */
function sweepEvents(): void {
  try {
    Tracefs.open().sweep();
  } catch {
    // The kprobe's own attempt says why.
  }
}
