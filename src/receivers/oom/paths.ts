/** Where the cgroups of a kill lie, as bpf/oom.bpf.c sends it with the kill. The layout mirrors bpf/oom.h. */

import { type Place, placeAt, rawPath } from '../../kernel/raw-path.ts';
import { array, Struct, u8, u32, u64 } from '../../native/index.ts';
import type { OomTask } from './events.ts';
import { isBelow } from './kmsg-cgroups.ts';

const PATH_BYTES = 1008;
const NOT_MET = 255;
/** `…`, its bytes as characters. */
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
  /** Below the cgroup that is mounted; below the root of the hierarchy for one that lies elsewhere. */
  readonly place: Place;
  /** Below the root of the hierarchy, as the kernel's log has it. */
  readonly fullPath: string;
  /** The path is so long that its beginning is left out: it reads `/…/NAME`. */
  readonly isCut: boolean;
}

/** One `struct oom_path`. */
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

/** The paths that were sent last. The kernel sends one again for each burst of kills. */
export class OomPaths {
  static readonly #MAX = 64;
  readonly #paths = new Map<bigint, OomPath>();
  readonly #version: 1 | 2;

  /** @param version of the hierarchy that the paths are of */
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
   * Does the task live neither in this cgroup nor below it? undefined where that is not known.
   *
   * @param limitPath of a cgroup of the memory controller, below the root of the hierarchy
   */
  isOutside({ memoryCgroupId, defaultCgroupId }: OomTask, limitPath: string): boolean | undefined {
    const path = this.#paths.get(this.#version === 1 ? memoryCgroupId : defaultCgroupId);
    if (path === undefined || path.isCut) return undefined;
    return !isBelow(path.fullPath, limitPath);
  }
}
