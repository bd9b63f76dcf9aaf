/**
 * What bpf/overlayfs.bpf.c counts: the maps that the attached programs share, read as typed values.
 * The layouts mirror bpf/overlayfs.h.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicNs } from '../clock.ts';
import { array, BpfObject, Cells, possibleCpus, Struct, u8, u32, u64 } from '../libbpf/index.ts';
import { type Entry, entriesToTake } from './overlayfs-shares.ts';

/** `MAX_BOUNDS` of the header. */
export const MAX_BOUNDS = 512;
const OVERFLOW_SLOT = 0;

export const CONFIG = new Struct('overlayfs_config', {
  pid_ns_inum: u64,
  cgroup_id: u64,
  only_tgid: u64,
  only_tgid_dev: u64,
  only_tgid_ino: u64,
  bounds_ns: array(u64, MAX_BOUNDS),
  bound_count: u32,
  shard_mask: u32,
  group_cells: u32,
  block_cells: u32,
  max_threads: u32,
  cgroup_v1: u8,
  task_storage: u8,
  typed_loads: u8,
});

export const SLOT = new Struct('slot', { cgroup_id: u64, born_ns: u64 });

/** `enum miss`, in its order. */
const MISSES = ['storage', 'starts_full', 'stale_start', 'no_start', 'clock'] as const;
export type CountedMiss = (typeof MISSES)[number];

export const COUNTERS = new Struct('overlayfs_counters', {
  slots_taken: u64,
  slots_given: u64,
  threads: u64,
  threads_unseen: u64,
  misses: array(u64, MISSES.length),
});

/** `enum cell`. */
const CELL_SUM_NS = 0;
const CELL_ERRORS = 1;
const CELL_ZEROS = 2;
const CELL_ASYNC = 3;
const CELL_BUCKETS = 4;

/** `enum op`, in its order. */
export const OPS = ['read', 'write'] as const;
export type Op = (typeof OPS)[number];

/** Cells of 8 bytes in a cache line: two blocks never share one. */
const LINE_CELLS = 8;

/** CPUs beyond these share cells; the adds are atomic, so that costs time and no count. */
const MAX_SHARDS = 16;

/** Longer than so, in ms, the last counts of a removed cgroup wait for no reader when entries run short. */
const MAX_WAIT_MS = 60_000;
/** So many living cgroups count in the overflow series though there may be free entries: 64 bytes of the kernel each. */
const MAX_BANISHED = 4096;

/** A slot freed in the kernel still gets what was under way; none of it takes this long. */
const DRAIN_MS = 1000;

export interface CountsOptions {
  /** The folder of the compiled programs. */
  readonly objects: string;
  /** Ascending upper bounds of the kernel's buckets, inclusive, in ns; at most {@link MAX_BOUNDS}. */
  readonly boundsNs: readonly number[];
  /** Count only this PID namespace and those below it; 0 counts all. */
  readonly pidNsInum: number;
  /** Count only this cgroup of the hierarchy and those below it; 0 counts all. */
  readonly cgroupId?: bigint;
  /** Count only what this very process does. */
  readonly onlyThisProcess?: boolean;
  /** How many cgroups get counts of their own. */
  readonly maxMapEntries: number;
  /** How many threads may have a record at a time; what others do is missed. */
  readonly maxThreads: number;
  /** The hierarchy whose cgroup ids are the keys. */
  readonly cgroupVersion: 1 | 2;
  /** How long the counts of a removed cgroup stay, in ms. */
  readonly expireMs: number;
}

/** What the kernel may lack, and the programs can do without. */
export interface Features {
  /** Starts in task storage (Linux 5.11), else in a hash. */
  readonly taskStorage: boolean;
  /** `bpf_rdonly_cast` (Linux 6.2). */
  readonly typedLoads: boolean;
}

/** Everything one kind of operation did since the cgroup's counts began. */
export interface OperationTotals {
  readonly sumNs: number;
  /** One more than there are bounds: the last bucket is for what is above them all. */
  readonly buckets: readonly number[];
  readonly errors: number;
  readonly zeros: number;
  /** Submitted to be completed later; when they were done is not known. */
  readonly async: number;
}

export interface CgroupTotals {
  /** Unique for the life of the counts: a slot given to another cgroup gets another key. */
  readonly key: string;
  /** null: all cgroups that found no free entry. */
  readonly cgroupId: bigint | null;
  /** When the counts began, in ns of CLOCK_MONOTONIC. */
  readonly bornNs: number;
  readonly operations: Readonly<Record<Op, OperationTotals>>;
}

/** What is to be known of cgroups and readers to take entries back. */
export interface Claims {
  isGone(cgroupId: bigint): boolean;
  /** Has everybody who reads the counts done so since, in ms of CLOCK_MONOTONIC? */
  isReadSince(ms: number): boolean;
  /** Are the counts of this key a series already? */
  isShown(key: string): boolean;
  /** Who has to share with others: a pod, a container, a user. */
  sharerOf(cgroupId: bigint): string;
}

interface Draining {
  readonly cgroupId: bigint;
  readonly since: number;
  /** Its counts belong to the overflow series. */
  readonly isFolded: boolean;
  /** Its counts wait for the readers. */
  readonly waits: boolean;
}

/** The maps that outlive a change of the programs. */
const SHARED = ['cells', 'slots', 'slot_by_cgroup', 'free_slots', '.data.counters'] as const;
const PROGRAMS = [
  ...['syscall_enter', 'syscall_exit', 'classic_enter', 'classic_exit'],
  ...['fentry_read', 'fexit_read', 'fentry_write', 'fexit_write'],
  ...['kprobe_read', 'kretprobe_read', 'kprobe_write', 'kretprobe_write'],
  'thread_exit',
];

export class OverlayfsCounts {
  readonly #options: CountsOptions;
  #expireMs: number;
  readonly #object: BpfObject;
  readonly #shards = shardsFor(possibleCpus());
  readonly #groupCells: number;
  readonly #blockCells: number;
  readonly #cells: Cells;
  readonly #slots: Cells;
  readonly #counters: Cells;
  readonly #startedNs = monotonicNs();
  readonly #generations: Uint32Array;
  readonly #goneSince = new Map<number, number>();
  readonly #draining = new Map<number, Draining>();
  /** The cgroups that count in the overflow series whatever is free. */
  readonly #banished = new Set<bigint>();
  /** Whether the programs that were opened last keep records of threads. */
  #hasThreads = false;
  /** What has been folded into the overflow series from slots that are free again. */
  #folded: Readonly<Record<Op, OperationTotals>>;

  /** Creates the maps; no program runs yet. */
  constructor(options: CountsOptions) {
    this.#options = options;
    this.#expireMs = options.expireMs;
    this.#groupCells = CELL_BUCKETS + options.boundsNs.length + 1;
    this.#blockCells = Math.ceil((OPS.length * this.#groupCells) / LINE_CELLS) * LINE_CELLS;
    this.#generations = new Uint32Array(options.maxMapEntries + 1);
    this.#folded = { read: this.#nothing(), write: this.#nothing() };
    const slotCount = options.maxMapEntries + 1;
    const cellCount = slotCount * this.#shards * this.#blockCells;
    const object = openObject(options);
    this.#object = object;
    try {
      object.map('cells').setMaxEntries(cellCount);
      for (const name of ['slots', 'free_slots']) object.map(name).setMaxEntries(slotCount);
      object.map('slot_by_cgroup').setMaxEntries(slotCount + MAX_BANISHED);
      for (const name of ['threads', 'threads_by_id']) object.map(name).skip();
      for (const name of PROGRAMS) object.program(name).skip();
      object.load();
      this.#cells = new Cells(object.map('cells').memory(cellCount * 8));
      this.#slots = new Cells(object.map('slots').memory(slotCount * SLOT.size));
      this.#counters = new Cells(object.map('.data.counters').memory(COUNTERS.size));
      for (let slot = OVERFLOW_SLOT + 1; slot < slotCount; slot++) this.#giveSlot(slot);
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** Opens the programs once more, with these maps, to load the named ones. The caller closes what it gets. */
  openPrograms(names: readonly string[], features: Features): BpfObject {
    const object = openObject(this.#options);
    try {
      for (const name of SHARED) object.map(name).reuse(this.#object.map(name));
      object.map(features.taskStorage ? 'threads_by_id' : 'threads').skip();
      // This object has records of its own, and those of an earlier one went with it.
      this.#set('threads', 0);
      this.#set('threads_unseen', 0);
      this.#hasThreads = features.taskStorage;
      for (const name of PROGRAMS) if (!names.includes(name)) object.program(name).skip();
      const { boundsNs, pidNsInum, cgroupId = 0n, cgroupVersion, onlyThisProcess = false, maxThreads } = this.#options;
      const namespace = statSync('/proc/self/ns/pid');
      object.map('.rodata.config').setInitialValue(
        CONFIG.encode({
          pid_ns_inum: pidNsInum,
          cgroup_id: cgroupId,
          only_tgid: onlyThisProcess ? process.pid : 0,
          only_tgid_dev: namespace.dev,
          only_tgid_ino: namespace.ino,
          bounds_ns: boundsNs,
          bound_count: boundsNs.length,
          shard_mask: this.#shards - 1,
          group_cells: this.#groupCells,
          block_cells: this.#blockCells,
          max_threads: maxThreads,
          cgroup_v1: cgroupVersion === 1 ? 1 : 0,
          task_storage: features.taskStorage ? 1 : 0,
          typed_loads: features.typedLoads ? 1 : 0,
        }),
      );
      return object;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** The counts of every cgroup seen so far, the shared ones of all others first. Makes no system call. */
  read(): CgroupTotals[] {
    const totals = [this.#overflow()];
    for (let slot = OVERFLOW_SLOT + 1; slot <= this.#options.maxMapEntries; slot++) {
      const draining = this.#draining.get(slot);
      if (draining?.isFolded) continue;
      const cgroupId = draining?.cgroupId ?? this.#cgroupIdOf(slot);
      if (cgroupId !== 0n) totals.push(this.#totals(slot, cgroupId));
    }
    return totals;
  }

  /** The ids of the cgroups that have counts of their own. Makes no system call. */
  cgroupIds(): bigint[] {
    const ids: bigint[] = [];
    for (let slot = OVERFLOW_SLOT + 1; slot <= this.#options.maxMapEntries; slot++) {
      const id = this.#cgroupIdOf(slot);
      if (id !== 0n) ids.push(id);
    }
    return ids;
  }

  /**
   * Frees the slots of cgroups that have been gone for long enough.
   *
   * @returns the last counts of those whose slot is free now; they are in no later {@link read}
   */
  retire(isGone: (cgroupId: bigint) => boolean, nowMs: number): CgroupTotals[] {
    const last = this.#endDraining(nowMs, () => false);
    for (const [slot, cgroupId] of this.#taken()) {
      if (!isGone(cgroupId)) this.#goneSince.delete(slot);
      else if (nowMs - (this.#goneSince.get(slot) ?? this.#setGone(slot, nowMs)) >= this.#expireMs) {
        this.#closeSlot(slot, { cgroupId, since: nowMs, isFolded: false, waits: false });
      }
    }
    for (const id of this.#banished) if (isGone(id)) this.#pardon(id);
    return last;
  }

  /**
   * Takes entries back when free ones run short: see {@link entriesToTake}. What a cgroup without an entry does is in the
   * overflow series.
   *
   * @returns as {@link retire}
   */
  reclaim(claims: Claims, nowMs: number): CgroupTotals[] {
    const { maxMapEntries } = this.#options;
    const last = this.#endDraining(nowMs, claims.isReadSince);
    const free = maxMapEntries - this.usedEntries() + this.#draining.size;
    if (free >= maxMapEntries / 2) {
      for (const id of this.#banished) this.#pardon(id);
      return last;
    }
    if (free >= maxMapEntries / 4) return last;
    const cgroupIds = new Map(this.#taken());
    const entries = Array.from(cgroupIds, ([slot, id]) => this.#entryOf(slot, id, claims, nowMs));
    for (const [slot, taking] of entriesToTake(entries, free, maxMapEntries)) {
      const cgroupId = cgroupIds.get(slot);
      if (cgroupId === undefined) continue;
      const isShown = claims.isShown(this.#keyOf(slot));
      if (taking === 'banish' && !this.#banish(cgroupId)) continue;
      const waits = taking === 'banish' && isShown;
      this.#closeSlot(slot, { cgroupId, since: nowMs, isFolded: taking !== 'end' && !isShown, waits });
    }
    return last;
  }

  /** Does this cgroup count in the overflow series, whatever is free? Then it is still to be asked whether it is gone. */
  isBanished(cgroupId: bigint): boolean {
    return this.#banished.has(cgroupId);
  }

  /** From now on the counts of a removed cgroup stay for so long, in ms; of those that are gone already, too. */
  expireAfter(ms: number): void {
    this.#expireMs = ms;
  }

  /** How many cgroups have counts of their own. */
  usedEntries(): number {
    return this.#counter('slots_taken') - this.#returnedSlots();
  }

  /** Operations of cgroups that found no free entry. */
  overflowed(): number {
    return Object.values(this.#overflow().operations).reduce(
      (sum, { buckets, errors, zeros, async }) => sum + errors + zeros + async + buckets.reduce((a, b) => a + b),
      0,
    );
  }

  /** Operations that could not be timed, as far as the programs themselves noticed. */
  misses(): Record<CountedMiss, number> {
    const first = COUNTERS.offsets.misses / 8;
    const counted = MISSES.map((reason, index) => [reason, this.#counters.at(first + index)]);
    return Object.fromEntries(counted) as Record<CountedMiss, number>;
  }

  /** How many threads have a record; null where there are records of operations only, or nothing is attached yet. */
  threads(): number | null {
    if (!this.#hasThreads) return null;
    return this.#counter('threads') - this.#counter('threads_unseen');
  }

  /**
   * To be told how many ends of threads the program for them has missed. That counts threads without a record, too, so
   * afterwards up to as many more than `maxThreads` may have one.
   */
  missedThreadEnds(count: number): void {
    this.#set('threads_unseen', Math.min(count, this.#counter('threads')));
  }

  /** Frees the maps, once nothing else holds them. Safe to call twice. */
  close(): void {
    this.#object.close();
  }

  #keyOf(slot: number): string {
    return `${slot}.${this.#generations[slot]}`;
  }

  /** With what is being folded into it. */
  #overflow(): CgroupTotals {
    let { read, write } = this.#folded;
    const folding = [...this.#draining].filter(([, { isFolded }]) => isFolded).map(([slot]) => slot);
    for (const slot of [OVERFLOW_SLOT, ...folding]) {
      read = added(read, this.#operation(slot, OPS.indexOf('read')));
      write = added(write, this.#operation(slot, OPS.indexOf('write')));
    }
    return { ...this.#totals(OVERFLOW_SLOT, null), operations: { read, write } };
  }

  #nothing(): OperationTotals {
    const buckets = new Array<number>(this.#options.boundsNs.length + 1).fill(0);
    return { sumNs: 0, buckets, errors: 0, zeros: 0, async: 0 };
  }

  #totals(slot: number, cgroupId: bigint | null): CgroupTotals {
    const bornNs = cgroupId === null ? this.#startedNs : this.#bornNsOf(slot);
    const [read, write] = OPS.map((_, op) => this.#operation(slot, op)) as [OperationTotals, OperationTotals];
    return { key: this.#keyOf(slot), cgroupId, bornNs, operations: { read, write } };
  }

  #operation(slot: number, op: number): OperationTotals {
    const buckets = new Array<number>(this.#options.boundsNs.length + 1).fill(0);
    let sumNs = 0;
    let errors = 0;
    let zeros = 0;
    let async = 0;
    for (let shard = 0; shard < this.#shards; shard++) {
      const group = this.#blockOf(slot) + shard * this.#blockCells + op * this.#groupCells;
      sumNs += this.#cells.at(group + CELL_SUM_NS);
      errors += this.#cells.at(group + CELL_ERRORS);
      zeros += this.#cells.at(group + CELL_ZEROS);
      async += this.#cells.at(group + CELL_ASYNC);
      for (let bucket = 0; bucket < buckets.length; bucket++) {
        buckets[bucket] = (buckets[bucket] ?? 0) + this.#cells.at(group + CELL_BUCKETS + bucket);
      }
    }
    return { sumNs, buckets, errors, zeros, async };
  }

  #blockOf(slot: number): number {
    return slot * this.#shards * this.#blockCells;
  }

  #cgroupIdOf(slot: number): bigint {
    const index = (slot * SLOT.size + SLOT.offsets.cgroup_id) / 8;
    return this.#slots.isZero(index) ? 0n : this.#slots.idAt(index);
  }

  #bornNsOf(slot: number): number {
    return this.#slots.at((slot * SLOT.size + SLOT.offsets.born_ns) / 8);
  }

  #setGone(slot: number, nowMs: number): number {
    this.#goneSince.set(slot, nowMs);
    return nowMs;
  }

  /** Takes a slot from its cgroup. What is under way in the kernel may still add to it for a moment. */
  #closeSlot(slot: number, draining: Draining): void {
    this.#slots.set((slot * SLOT.size + SLOT.offsets.cgroup_id) / 8, 0);
    const { cgroupId } = draining;
    if (!this.#banished.has(cgroupId)) this.#object.map('slot_by_cgroup').delete(keyBytes(cgroupId));
    this.#goneSince.delete(slot);
    this.#draining.set(slot, draining);
  }

  #endDraining(nowMs: number, isReadSince: (ms: number) => boolean): CgroupTotals[] {
    const last: CgroupTotals[] = [];
    for (const [slot, { cgroupId, since, isFolded, waits }] of this.#draining) {
      const drainedMs = since + DRAIN_MS;
      if (nowMs < drainedMs || (waits && nowMs < since + MAX_WAIT_MS && !isReadSince(drainedMs))) continue;
      const totals = this.#totals(slot, cgroupId);
      if (isFolded) {
        const { read, write } = totals.operations;
        this.#folded = { read: added(this.#folded.read, read), write: added(this.#folded.write, write) };
        last.push({ ...totals, operations: { read: this.#nothing(), write: this.#nothing() } });
      } else {
        last.push(totals);
      }
      this.#cells.clear(this.#blockOf(slot), this.#shards * this.#blockCells);
      this.#generations[slot] = (this.#generations[slot] ?? 0) + 1;
      this.#draining.delete(slot);
      this.#giveSlot(slot);
    }
    return last;
  }

  /** The slots that cgroups have, without those that drain. */
  *#taken(): Generator<[slot: number, cgroupId: bigint]> {
    for (let slot = OVERFLOW_SLOT + 1; slot <= this.#options.maxMapEntries; slot++) {
      const cgroupId = this.#cgroupIdOf(slot);
      if (cgroupId !== 0n) yield [slot, cgroupId];
    }
  }

  #entryOf(slot: number, cgroupId: bigint, claims: Claims, nowMs: number): Entry {
    const known = this.#goneSince.get(slot);
    const goneSinceMs = known ?? (claims.isGone(cgroupId) ? this.#setGone(slot, nowMs) : null);
    return {
      slot,
      bornNs: this.#bornNsOf(slot),
      goneSinceMs,
      isRead: goneSinceMs !== null && (nowMs >= goneSinceMs + MAX_WAIT_MS || claims.isReadSince(goneSinceMs)),
      isShown: claims.isShown(this.#keyOf(slot)),
      sharer: claims.sharerOf(cgroupId),
    };
  }

  /** From now on the cgroup counts in the overflow series. */
  #banish(cgroupId: bigint): boolean {
    if (this.#banished.size >= MAX_BANISHED) return false;
    this.#object.map('slot_by_cgroup').set(keyBytes(cgroupId), slotBytes(OVERFLOW_SLOT));
    this.#banished.add(cgroupId);
    return true;
  }

  #pardon(cgroupId: bigint): void {
    this.#banished.delete(cgroupId);
    this.#object.map('slot_by_cgroup').delete(keyBytes(cgroupId));
  }

  #giveSlot(slot: number): void {
    this.#object.map('free_slots').push(slotBytes(slot));
    this.#set('slots_given', this.#counter('slots_given') + 1);
  }

  /** Slots given more than once: those that were freed. */
  #returnedSlots(): number {
    return this.#counter('slots_given') - this.#options.maxMapEntries;
  }

  #counter(name: keyof typeof COUNTERS.offsets): number {
    return this.#counters.at(COUNTERS.offsets[name] / 8);
  }

  #set(name: keyof typeof COUNTERS.offsets, value: number): void {
    this.#counters.set(COUNTERS.offsets[name] / 8, value);
  }
}

function added(a: OperationTotals, b: OperationTotals): OperationTotals {
  return {
    sumNs: a.sumNs + b.sumNs,
    buckets: a.buckets.map((count, index) => count + (b.buckets[index] ?? 0)),
    errors: a.errors + b.errors,
    zeros: a.zeros + b.zeros,
    async: a.async + b.async,
  };
}

function keyBytes(cgroupId: bigint): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64LE(cgroupId);
  return key;
}

function slotBytes(slot: number): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(slot);
  return value;
}

/** A power of two. */
function shardsFor(cpus: number | null): number {
  return Math.min(MAX_SHARDS, 2 ** Math.ceil(Math.log2(cpus ?? MAX_SHARDS)));
}

function openObject({ objects }: CountsOptions): BpfObject {
  return BpfObject.open(join(objects, 'overlayfs.bpf.o'));
}
