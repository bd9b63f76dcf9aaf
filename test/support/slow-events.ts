/** Events as bpf/slow.h sends them. */
import { OPS, type Op } from '../../src/receivers/overlayfs/operations.ts';
import { SLOW_EVENT } from '../../src/receivers/overlayfs/slow-events.ts';

interface Given {
  readonly op?: Op;
  readonly ret?: number;
  readonly offset?: number;
  readonly copied?: number;
  readonly cgroupId?: bigint;
  /** The names from the file up to that below the root; null: without a path. */
  readonly names?: readonly (string | Buffer)[] | null;
  readonly flags?: Partial<Record<'is_directory' | 'is_deleted' | 'is_cut', 1>>;
  readonly comm?: Buffer;
}

const signed = (value: number): bigint => BigInt.asUintN(64, BigInt(value));

export function slowEvent(given: Given = {}): Buffer {
  const { op = 'read', ret = 4096, offset = -1, copied = -1, cgroupId = 7n, names = ['file'], flags = {} } = given;
  const bytes = Buffer.concat((names ?? []).flatMap((name) => [Buffer.from(name), Buffer.of(0)]));
  const event = SLOW_EVENT.encode({
    time_ns: process.hrtime.bigint(),
    duration_ns: 123_456_789,
    cgroup_id: cgroupId,
    ret: signed(ret),
    offset: signed(offset),
    copied: signed(copied),
    parts: [3e6, 456_789, ...new Array<number>(6).fill(0), 120e6, 8192, 1],
    pid: 12,
    tgid: 11,
    own_tgid: 1,
    uid: 1000,
    name_bytes: bytes.length,
    op: OPS.indexOf(op),
    has_path: names === null ? 0 : 1,
    is_directory: flags.is_directory ?? 0,
    is_deleted: flags.is_deleted ?? 0,
    is_cut: flags.is_cut ?? 0,
    comm: [...(given.comm ?? Buffer.from('thread'))],
    process: [...Buffer.from('process')],
  });
  // The ring buffer's records are longer than what is written to them.
  return Buffer.concat([event, bytes, Buffer.alloc(300, 0xff)]);
}
