/** The paths of a kill's cgroups, which bpf/oom.bpf.c sends with the kill. The layout mirrors bpf/oom.h. */

import { type Place, placeAt, rawPath } from '../../kernel/raw-path.ts';
import { array, Struct, u8, u32, u64 } from '../../native/index.ts';
import type { OomTask } from './events.ts';
import { isBelow } from './kmsg-cgroups.ts';

const PATH_BYTES = 1008;
const NOT_MET = 255;
/** `…` with one character for each byte. */
const CUT = Buffer.from('…').toString('latin1');

export const OOM_PATH = new Struct('oom_path', {
  cgroup_id: u64,
  bytes: u32,
  below_mount: u8,
  is_cut: u8,
  names: array(u8, PATH_BYTES),
});

export interface OomPath {
  readonly cgroupId: bigint;
  /** The path below the mount; for a cgroup outside of the mount, below the root of the hierarchy. */
  readonly place: Place;
  /** The path below the root of the hierarchy, as in the kernel's log. */
  readonly fullPath: string;
  /** Whether the path is too long and lacks its beginning: `/…/NAME`. */
  readonly isCut: boolean;
}

/** Decodes a `struct oom_path`. */
export function decodeOomPath(record: Buffer): OomPath {
  const at = OOM_PATH.offsets;
  const belowMount = record.readUInt8(at.below_mount);
  const isCut = record.readUInt8(at.is_cut) === 1;
  const bytes = record.toString('latin1', at.names, at.names + record.readUInt32LE(at.bytes));
  const names = bytes.split('\0').slice(0, -1);
  const placeOf = (upwards: readonly string[]): Place => placeAt(rawPath(`/${upwards.toReversed().join('/')}`));
  const full = placeOf(isCut ? [...names, CUT] : names);
  return {
    cgroupId: record.readBigUInt64LE(at.cgroup_id),
    place: belowMount === NOT_MET ? full : placeOf(names.slice(0, belowMount)),
    fullPath: full.path,
    isCut,
  };
}

/** The last paths. The kernel sends a path once for each burst of kills. */
export class OomPaths {
  static readonly #MAX = 64;
  readonly #paths = new Map<bigint, OomPath>();
  readonly #version: 1 | 2;

  /** @param version the hierarchy of the paths */
  constructor(version: 1 | 2) {
    this.#version = version;
  }

  add(path: OomPath): void {
    this.#paths.delete(path.cgroupId);
    this.#paths.set(path.cgroupId, path);
    const [oldest] = this.#paths.keys();
    if (this.#paths.size > OomPaths.#MAX && oldest !== undefined) this.#paths.delete(oldest);
  }

  /**
   * Whether the task is neither in this cgroup nor below it; undefined where that is unknown.
   *
   * @param limitPath a path in the hierarchy of the memory controller, from its root
   */
  isOutside({ memoryCgroupId, defaultCgroupId }: OomTask, limitPath: string): boolean | undefined {
    const path = this.#paths.get(this.#version === 1 ? memoryCgroupId : defaultCgroupId);
    if (path === undefined || path.isCut) return undefined;
    return !isBelow(path.fullPath, limitPath);
  }
}
