/** The path of a cgroup in an event, as bpf/paths.h sends it. */
import { type Place, placeAt, rawPath } from '../kernel/raw-path.ts';
import { array, Struct, u8, u32, u64 } from '../native/index.ts';

const PATH_BYTES = 1008;
const NOT_MET = 255;
/** `…` with one character for each byte. */
const CUT = Buffer.from('…').toString('latin1');

export const CGROUP_PATH = new Struct('cgroup_path', {
  cgroup_id: u64,
  bytes: u32,
  below_mount: u8,
  is_cut: u8,
  names: array(u8, PATH_BYTES),
});

export interface CgroupPath {
  readonly cgroupId: bigint;
  /** The path below the mount; for a cgroup outside of the mount, below the root of the hierarchy. */
  readonly place: Place;
  /** The path below the root of the hierarchy, as in the kernel's log. */
  readonly fullPath: string;
  /** Whether the path is too long and lacks its beginning: `/…/NAME`. */
  readonly isCut: boolean;
}

/** Decodes a `struct cgroup_path`. */
export function decodeCgroupPath(record: Buffer): CgroupPath {
  const at = CGROUP_PATH.offsets;
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
