/** The kernel's BTF, changed as in a possible later kernel. */
import { readFileSync } from 'node:fs';

const KERNEL = '/sys/kernel/btf/vmlinux';
/** Bytes for each member behind the three words of a type, by kind (Documentation/bpf/btf.rst). */
const MEMBER_BYTES: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const EXTRA_BYTES: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const [ARRAY, STRUCT, TYPEDEF] = [3, 4, 8];

interface Type {
  readonly at: number;
  readonly name: string;
  readonly kind: number;
  readonly length: number;
  /** Another type's id, or this type's size. */
  readonly type: number;
}

/** @returns the kernel's BTF with another type of the counters in `mm_struct.rss_stat` */
export function withOtherRssStat(): Buffer {
  const btf = readFileSync(KERNEL);
  const types = typesIn(btf);
  const other = types.findIndex((type) => type?.kind === STRUCT && type.name === 'list_head');
  const array = types[counters(btf, types)];
  if (array === undefined || other < 0) throw new Error('the kernel has no rss_stat, or no list_head');
  btf.writeUInt32LE(other, array.at + 12);
  return btf;
}

/** @returns the id of the array's type */
function counters(btf: Buffer, types: readonly (Type | undefined)[]): number {
  const inside = (owner: Type | undefined, name: string): number | undefined => {
    for (let index = 0; index < (owner?.length ?? 0); index++) {
      const at = (owner?.at ?? 0) + 12 + index * 12;
      if (stringAt(btf, btf.readUInt32LE(at)) === name) return btf.readUInt32LE(at + 4);
    }
    return undefined;
  };
  const isMemory = (type: Type | undefined): boolean =>
    type?.kind === STRUCT &&
    type.name === '' &&
    inside(type, 'rss_stat') !== undefined &&
    inside(type, 'mm_users') !== undefined;
  let number = inside(types.find(isMemory), 'rss_stat') ?? 0;
  for (let type = types[number]; type?.kind !== ARRAY; type = types[number]) {
    if (type === undefined) throw new Error('rss_stat holds no array');
    number = type.kind === TYPEDEF ? type.type : (inside(type, 'count') ?? 0);
  }
  return number;
}

/** By id, from 1. */
function typesIn(btf: Buffer): (Type | undefined)[] {
  const start = btf.readUInt32LE(4) + btf.readUInt32LE(8);
  const end = start + btf.readUInt32LE(12);
  const types: (Type | undefined)[] = [undefined];
  for (let at = start; at < end; ) {
    const info = btf.readUInt32LE(at + 4);
    const [kind, length] = [(info >>> 24) & 0x1f, info & 0xffff];
    types.push({ at, name: stringAt(btf, btf.readUInt32LE(at)), kind, length, type: btf.readUInt32LE(at + 8) });
    at += 12 + (MEMBER_BYTES[kind] ?? 0) * length + (EXTRA_BYTES[kind] ?? 0);
  }
  return types;
}

function stringAt(btf: Buffer, offset: number): string {
  const at = btf.readUInt32LE(4) + btf.readUInt32LE(16) + offset;
  return btf.toString('latin1', at, btf.indexOf(0, at));
}
