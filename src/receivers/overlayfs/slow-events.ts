/** The events of slow operations, which bpf/slow.h sends. The layouts mirror that file. */
import { array, type BpfObject, Cells, pageSize, type RingBuffer, Struct, u8, u32, u64 } from '../../native/index.ts';
import { decodeComm } from '../comm.ts';
import { CAUSES, type Cause } from './causes.ts';
import { OPS, type Op } from './operations.ts';

const COMM_BYTES = 16;
/** In place of a number in an event. */
const UNKNOWN = -1n;

export const SLOW_CONFIG = new Struct('slow_config', { threshold_ns: u64, on_functions: u8 });
export const SLOW_COUNTERS = new Struct('slow_counters', { told: u64, left_out: u64, lost: u64 });
export const SLOW_EVENT = new Struct('slow_event', {
  time_ns: u64,
  duration_ns: u64,
  cgroup_id: u64,
  ret: u64, // signed, as the next two are
  offset: u64,
  copied: u64,
  parts: array(u64, CAUSES.length + 2), // by cause, the bytes fetched, whether it slept
  pid: u32,
  tgid: u32,
  own_tgid: u32,
  uid: u32,
  name_bytes: u32,
  op: u8,
  has_path: u8,
  is_directory: u8,
  is_deleted: u8,
  is_cut: u8,
  comm: array(u8, COMM_BYTES),
  process: array(u8, COMM_BYTES),
});

/** Some 300 events with paths of usual length. */
const RING_BYTES = 262_144;
const MAPS = ['slow_events', 'slow_due'] as const;

/** A path on an overlay. Control characters and bytes that are no UTF-8 are U+FFFD. */
export interface SlowPath {
  /** From the overlay's root, which is that of its container; `/…/NAME` for a path that is too long. */
  readonly path: string;
  /** The directory that it is in, or itself where it is one. */
  readonly directory: string;
  readonly isDeleted: boolean;
}

export interface SlowEvent {
  /** The end, CLOCK_MONOTONIC, in ns. */
  readonly timeNs: number;
  readonly durationNs: number;
  readonly cgroupId: bigint;
  readonly op: Op;
  /** The result: bytes or 0, or a negative errno. */
  readonly result: number;
  /** Where in the file it began, in bytes. */
  readonly offset?: number;
  /** How many bytes were copied up; absent where nothing was, or nothing tells it. */
  readonly copiedBytes?: number;
  /** How much of the duration went where, in ns. */
  readonly parts: Readonly<Record<Cause, number>>;
  /** How many bytes the thread read from a device meanwhile. */
  readonly fetchedBytes: number;
  readonly path?: SlowPath;
  readonly comm: string;
  readonly process: string;
  readonly pid: number;
  readonly tgid: number;
  /** In its own PID namespace; 0 where it is not known. */
  readonly ownTgid: number;
  readonly uid: number;
}

/** Decodes a `struct slow_event` with the names behind it. */
export function decodeSlowEvent(record: Buffer): SlowEvent {
  const at = SLOW_EVENT.offsets;
  const known = (offset: number): number | undefined => {
    const value = record.readBigInt64LE(offset);
    return value === UNKNOWN ? undefined : Number(value);
  };
  const comm = (offset: number): string => decodeComm(record.subarray(offset, offset + COMM_BYTES));
  const part = (index: number): number => Number(record.readBigUInt64LE(at.parts + 8 * index));
  const [offset, copiedBytes] = [known(at.offset), known(at.copied)];
  return {
    timeNs: Number(record.readBigUInt64LE(at.time_ns)),
    durationNs: Number(record.readBigUInt64LE(at.duration_ns)),
    cgroupId: record.readBigUInt64LE(at.cgroup_id),
    op: OPS[record.readUInt8(at.op)] ?? 'read',
    result: Number(record.readBigInt64LE(at.ret)),
    ...(offset !== undefined && { offset }),
    ...(copiedBytes !== undefined && { copiedBytes }),
    parts: Object.fromEntries(CAUSES.map((cause, index) => [cause, part(index)])) as SlowEvent['parts'],
    fetchedBytes: part(CAUSES.length),
    ...(record.readUInt8(at.has_path) === 1 && { path: decodePath(record) }),
    comm: comm(at.comm),
    process: comm(at.process),
    pid: record.readUInt32LE(at.pid),
    tgid: record.readUInt32LE(at.tgid),
    ownTgid: record.readUInt32LE(at.own_tgid),
    uid: record.readUInt32LE(at.uid),
  };
}

function decodePath(record: Buffer): SlowPath {
  const at = SLOW_EVENT.offsets;
  const bytes = record.subarray(SLOW_EVENT.size, SLOW_EVENT.size + record.readUInt32LE(at.name_bytes));
  const names = bytes.toString('latin1').split('\0').slice(0, -1);
  const parts = names.map((name) => decodeComm(Buffer.from(name, 'latin1'))).reverse();
  if (record.readUInt8(at.is_cut) === 1) parts.unshift('…');
  const pathOf = (some: readonly string[]): string => `/${some.join('/')}`;
  const path = pathOf(parts);
  const isDirectory = record.readUInt8(at.is_directory) === 1;
  return {
    path,
    directory: isDirectory ? path : pathOf(parts.slice(0, -1)),
    isDeleted: record.readUInt8(at.is_deleted) === 1,
  };
}

/** The maps of events, which outlive a change of programs. */
export class SlowEvents {
  readonly #object: BpfObject;
  readonly #thresholdNs: number;
  readonly #counters: Cells;
  /** null: there are no events. */
  readonly ring: RingBuffer | null;

  /**
   * Before loading.
   *
   * @param thresholdNs the duration of a slow operation; 0: there are no events
   * @param slots of cgroups
   */
  static size(object: BpfObject, thresholdNs: number, slots: number): void {
    if (thresholdNs === 0) {
      for (const name of MAPS) object.map(name).skip();
      return;
    }
    object.map('slow_events').setMaxEntries(RING_BYTES);
    object.map('slow_due').setMaxEntries(slots);
  }

  /** @param object is loaded */
  constructor(object: BpfObject, thresholdNs: number) {
    this.#object = object;
    this.#thresholdNs = thresholdNs;
    this.#counters = new Cells(object.map('.data.slow').memory(SLOW_COUNTERS.size));
    this.ring = thresholdNs === 0 ? null : object.map('slow_events').ringBuffer(RING_BYTES, pageSize());
  }

  /** Before another object is loaded: its programs send events here, too. */
  share(object: BpfObject, isOnFunctions: boolean): void {
    object.map('.data.slow').reuse(this.#object.map('.data.slow'));
    for (const name of MAPS) {
      if (this.#thresholdNs === 0) object.map(name).skip();
      else object.map(name).reuse(this.#object.map(name));
    }
    const config = { threshold_ns: this.#thresholdNs, on_functions: isOnFunctions ? 1 : 0 };
    object.map('.rodata.slow').setInitialValue(SLOW_CONFIG.encode(config));
  }

  /** Takes all new events, oldest first. */
  take(): SlowEvent[] {
    const events: SlowEvent[] = [];
    this.ring?.drain((record) => {
      if (record.length >= SLOW_EVENT.size) events.push(decodeSlowEvent(record));
    });
    return events;
  }

  /**
   * Slow operations so far. `told`: those with an event; `leftOut`: those whose cgroup had too many; `lost`: those for
   * which there was no room. `corrupted`: how often the ring buffer was invalid.
   */
  counts(): Readonly<Record<'told' | 'leftOut' | 'lost' | 'corrupted', number>> {
    return {
      told: this.#counters.at(SLOW_COUNTERS.offsets.told / 8),
      leftOut: this.#counters.at(SLOW_COUNTERS.offsets.left_out / 8),
      lost: this.#counters.at(SLOW_COUNTERS.offsets.lost / 8),
      corrupted: this.ring?.corrupted ?? 0,
    };
  }
}
