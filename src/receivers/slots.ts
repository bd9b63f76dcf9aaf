/**
 * The slots of cgroups in bpf/histograms.h. The kernel claims free slots; this class takes them back when their cgroups
 * are removed, or when free ones run short.
 */
import { type BpfObject, Cells, Struct, u64 } from '../native/index.ts';
import { type Entry, entriesToTake } from './shares.ts';

export const SLOT = new Struct('slot', { cgroup_id: u64, born_ns: u64 });
export const SLOT_COUNTERS = new Struct('slot_counters', { taken: u64, given: u64 });

/** Slot 0 counts every cgroup without a slot of its own. */
export const OVERFLOW_SLOT = 0;

/** How long a removed cgroup's last counts wait for readers when entries run short, in ms. */
const MAX_WAIT_MS = 60_000;
/** The limit of living cgroups that count in the overflow series on purpose: each takes 64 bytes of kernel memory. */
const MAX_BANISHED = 4096;

/** How often a cgroup is looked for at least in the time that its counts would stay if it were removed. */
const LOOKS = 5;

/** How long operations under way may add to a freed slot, in ms: longer than any program runs. */
const DRAIN_MS = 1000;

/** Facts on cgroups and readers that decide which entries to take back. */
export interface Claims {
  isGone(cgroupId: bigint): boolean;
  /** Whether all readers have read the counts since a time, in ms of CLOCK_MONOTONIC. */
  isReadSince(ms: number): boolean;
  /** Whether a reader has seen the series of this key. */
  isShown(key: string): boolean;
  /** The owner that shares entries with others: a pod, a container, a user. */
  sharerOf(cgroupId: bigint): string;
}

/** The memory that slots share, each as a part of all. */
export interface Memory {
  /** What is free, or will be once these slots are. */
  freeShare(draining: Iterable<number>): number;
  shareOf(slot: number): number;
}

/** A slot that was taken from its cgroup, and whose cells still have that cgroup's counts. */
export interface Drained {
  readonly slot: number;
  readonly cgroupId: bigint;
  /** Whether its counts go to the overflow series. */
  readonly isFolded: boolean;
}

interface Draining extends Drained {
  readonly since: number;
  /** Whether its counts wait for readers. */
  readonly waits: boolean;
}

export class Slots {
  readonly #object: BpfObject;
  /** The number of slots without the overflow slot. */
  readonly #total: number;
  #expireMs: number;
  readonly #slots: Cells;
  readonly #counters: Cells;
  readonly #generations: Uint32Array;
  /** By slot, its key and its cgroup's id, as they were last asked for: to make them anew would be most of a look. */
  readonly #keys: string[] = [];
  readonly #ids: bigint[] = [];
  readonly #knownIds: Cells;
  readonly #goneSince = new Map<number, number>();
  /** By slot, when its cgroup was last seen to exist. */
  readonly #seenMs: Float64Array;
  readonly #draining = new Map<number, Draining>();
  /** Living cgroups that count in the overflow series, also while entries are free. */
  readonly #banished = new Set<bigint>();

  /** Before loading: makes the maps large enough. */
  static size(object: BpfObject, total: number): void {
    for (const name of ['slots', 'free_slots']) object.map(name).setMaxEntries(total + 1);
    object.map('slot_by_cgroup').setMaxEntries(total + 1 + MAX_BANISHED);
  }

  /** @param object is loaded */
  constructor(object: BpfObject, total: number, expireMs: number) {
    this.#object = object;
    this.#total = total;
    this.#expireMs = expireMs;
    this.#slots = new Cells(object.map('slots').memory((total + 1) * SLOT.size));
    this.#counters = new Cells(object.map('.data.slots').memory(SLOT_COUNTERS.size));
    this.#generations = new Uint32Array(total + 1);
    this.#knownIds = new Cells(new Uint8Array((total + 1) * 8));
    this.#seenMs = new Float64Array(total + 1).fill(Number.NEGATIVE_INFINITY);
    for (let slot = OVERFLOW_SLOT + 1; slot <= total; slot++) this.#give(slot);
  }

  /** The cgroups with a slot, without draining ones. Makes no system call. */
  cgroupIds(): bigint[] {
    const all: bigint[] = [];
    for (const slot of this.#taken()) all.push(this.#holderOf(slot));
    return all;
  }

  *#taken(): Generator<number> {
    for (let slot = OVERFLOW_SLOT + 1; slot <= this.#total; slot++) if (this.#holderOf(slot) !== 0n) yield slot;
  }

  /** The slots with a series of their own, in their order. */
  *counted(): Generator<number> {
    for (let slot = OVERFLOW_SLOT + 1; slot <= this.#total; slot++) {
      if (this.#draining.get(slot)?.isFolded !== true && this.cgroupIdOf(slot) !== 0n) yield slot;
    }
  }

  /** The cgroup whose counts the slot has; 0: none. */
  cgroupIdOf(slot: number): bigint {
    return this.#draining.get(slot)?.cgroupId ?? this.#holderOf(slot);
  }

  /** The slots that count in the overflow series, the overflow slot first. */
  *folded(): Generator<number> {
    yield OVERFLOW_SLOT;
    for (const { slot, isFolded } of this.#draining.values()) if (isFolded) yield slot;
  }

  /** Unique: a slot that is reused for another cgroup gets another key. */
  keyOf(slot: number): string {
    this.#keys[slot] ??= `${slot}.${this.#generations[slot]}`;
    return this.#keys[slot];
  }

  /** When the cgroup got the slot, in ns of CLOCK_MONOTONIC. */
  bornNsOf(slot: number): number {
    return this.#slots.at((slot * SLOT.size + SLOT.offsets.born_ns) / 8);
  }

  /** A number that changes when a cgroup gets a slot, or loses it. */
  changes(): number {
    return this.#counter('taken') + this.#counter('given');
  }

  /** The number of cgroups with a slot. */
  used(): number {
    return this.#counter('taken') - this.#returned();
  }

  /** Whether no further cgroup finds a slot. */
  get isFull(): boolean {
    return this.#counter('taken') >= this.#counter('given');
  }

  isBanished(cgroupId: bigint): boolean {
    return this.#banished.has(cgroupId);
  }

  expireAfter(ms: number): void {
    this.#expireMs = ms;
  }

  /** Takes the slots of cgroups that were removed long enough ago. */
  retire(isGone: (cgroupId: bigint) => boolean, nowMs: number): void {
    for (const slot of this.#taken()) {
      // Each look is a system call, and makes the counts stay a little longer at most.
      if (nowMs - (this.#seenMs[slot] ?? 0) < this.#expireMs / LOOKS) continue;
      const cgroupId = this.#holderOf(slot);
      if (!isGone(cgroupId)) {
        this.#goneSince.delete(slot);
        this.#seenMs[slot] = nowMs;
      } else if (nowMs - (this.#goneSince.get(slot) ?? this.#setGone(slot, nowMs)) >= this.#expireMs) {
        this.#take({ slot, cgroupId, since: nowMs, isFolded: false, waits: false });
      }
    }
    for (const id of this.#banished) if (isGone(id)) this.#pardon(id);
  }

  /**
   * Takes slots when free ones run short: see {@link entriesToTake}.
   *
   * @param memory what operations of cgroups take
   */
  reclaim(claims: Claims, nowMs: number, memory: Memory): void {
    const freeShare = memory.freeShare(this.#draining.keys());
    const free = Math.min(this.#total - this.used() + this.#draining.size, Math.floor(freeShare * this.#total));
    if (free >= this.#total / 2) {
      for (const id of this.#banished) this.#pardon(id);
      return;
    }
    if (free >= this.#total / 4) return;
    const cgroupIds = new Map(Array.from(this.#taken(), (slot) => [slot, this.#holderOf(slot)]));
    const entries = Array.from(cgroupIds, ([slot, id]) => ({
      ...this.#entryOf(slot, id, claims, nowMs),
      size: Math.max(1, this.#total * memory.shareOf(slot)),
    }));
    for (const [slot, taking] of entriesToTake(entries, free, this.#total)) {
      const cgroupId = cgroupIds.get(slot);
      if (cgroupId === undefined) continue;
      const isShown = claims.isShown(this.keyOf(slot));
      if (taking === 'banish' && !this.#banish(cgroupId)) continue;
      const waits = taking === 'banish' && isShown;
      this.#take({ slot, cgroupId, since: nowMs, isFolded: taking !== 'end' && !isShown, waits });
    }
  }

  /** The slots that no operation adds to any more, and whose counts all readers have read. */
  drained(nowMs: number, isReadSince: (ms: number) => boolean): Drained[] {
    return [...this.#draining.values()].filter(({ since, waits }) => {
      const drainedMs = since + DRAIN_MS;
      return nowMs >= drainedMs && (!waits || nowMs >= since + MAX_WAIT_MS || isReadSince(drainedMs));
    });
  }

  /** Gives a drained slot back to the kernel, once its cells are empty. */
  free(slot: number): void {
    this.#generations[slot] = (this.#generations[slot] ?? 0) + 1;
    delete this.#keys[slot];
    this.#draining.delete(slot);
    this.#give(slot);
  }

  #holderOf(slot: number): bigint {
    const index = (slot * SLOT.size + SLOT.offsets.cgroup_id) / 8;
    if (this.#slots.isZero(index)) return 0n;
    const known = this.#ids[slot];
    if (known !== undefined && this.#slots.hasSame(index, this.#knownIds, slot)) return known;
    const id = this.#slots.idAt(index);
    this.#ids[slot] = id;
    this.#knownIds.setId(slot, id);
    return id;
  }

  #setGone(slot: number, nowMs: number): number {
    this.#goneSince.set(slot, nowMs);
    return nowMs;
  }

  /** Takes a slot from its cgroup. Operations under way may still add to the slot for a moment. */
  #take(draining: Draining): void {
    const { slot, cgroupId } = draining;
    this.#slots.set((slot * SLOT.size + SLOT.offsets.cgroup_id) / 8, 0);
    if (!this.#banished.has(cgroupId)) this.#object.map('slot_by_cgroup').delete(keyBytes(cgroupId));
    this.#goneSince.delete(slot);
    this.#seenMs[slot] = Number.NEGATIVE_INFINITY;
    this.#draining.set(slot, draining);
  }

  #entryOf(slot: number, cgroupId: bigint, claims: Claims, nowMs: number): Omit<Entry, 'size'> {
    const known = this.#goneSince.get(slot);
    const goneSinceMs = known ?? (claims.isGone(cgroupId) ? this.#setGone(slot, nowMs) : null);
    return {
      slot,
      bornNs: this.bornNsOf(slot),
      goneSinceMs,
      isRead: goneSinceMs !== null && (nowMs >= goneSinceMs + MAX_WAIT_MS || claims.isReadSince(goneSinceMs)),
      isShown: claims.isShown(this.keyOf(slot)),
      sharer: claims.sharerOf(cgroupId),
    };
  }

  /** Makes a living cgroup count in the overflow series. */
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

  #give(slot: number): void {
    this.#object.map('free_slots').push(slotBytes(slot));
    this.#counters.set(SLOT_COUNTERS.offsets.given / 8, this.#counter('given') + 1);
  }

  /** How often slots were reused. */
  #returned(): number {
    return this.#counter('given') - this.#total;
  }

  #counter(name: keyof typeof SLOT_COUNTERS.offsets): number {
    return this.#counters.at(SLOT_COUNTERS.offsets[name] / 8);
  }
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
