/** Drops and restores effective capabilities of the test's thread. */
import { DataType, load, open } from 'ffi-rs';

/** include/uapi/linux/capability.h */
const NUMBERS = {
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_RESOURCE: 24,
  SYSLOG: 34,
  PERFMON: 38,
  BPF: 39,
} as const;
export type Capability = keyof typeof NUMBERS;

/** `_LINUX_CAPABILITY_VERSION_3` */
const VERSION = 0x20080522;

/**
 * Sets the effective capabilities of the thread that runs JavaScript; the permitted ones stay. Throws for a capability
 * that is not permitted.
 */
export function setEffective(capabilities: readonly Capability[] | 'all'): void {
  open({ library: 'libc', path: 'libc.so.6' });
  const header = Buffer.alloc(8);
  header.writeUInt32LE(VERSION, 0);
  // Effective, permitted, inheritable: first the lower 32 bits of each, then the higher ones.
  const sets = Buffer.alloc(24);
  call('capget', header, sets);
  for (const half of [0, 1]) {
    if (capabilities === 'all') {
      sets.copyWithin(half * 12, half * 12 + 4, half * 12 + 8);
      continue;
    }
    const bits = capabilities.filter((name) => NUMBERS[name] >> 5 === half).map((name) => 1 << (NUMBERS[name] & 31));
    sets.writeInt32LE(
      bits.reduce((a, b) => a | b, 0),
      half * 12,
    );
  }
  call('capset', header, sets);
}

function call(funcName: 'capget' | 'capset', header: Buffer, sets: Buffer): void {
  const paramsType = [DataType.U8Array, DataType.U8Array];
  const result = load({ library: 'libc', funcName, retType: DataType.I32, paramsType, paramsValue: [header, sets] });
  if (result !== 0) throw new Error(`${funcName} failed`);
}
