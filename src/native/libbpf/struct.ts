/** The layout of a C struct, as the compiler lays it out: members in order, each aligned to its own size. */

export interface Member {
  /** Bytes of one element: 1, 4 or 8, always unsigned. */
  readonly bytes: 1 | 4 | 8;
  /** More than 1 for an array. */
  readonly count: number;
}

export const u8: Member = { bytes: 1, count: 1 };
export const u32: Member = { bytes: 4, count: 1 };
export const u64: Member = { bytes: 8, count: 1 };

export function array(element: Member, count: number): Member {
  return { bytes: element.bytes, count };
}

export class Struct<M extends Record<string, Member>> {
  readonly name: string;
  readonly size: number;
  readonly offsets: { readonly [K in keyof M]: number };
  readonly #members: M;

  constructor(name: string, members: M) {
    const offsets: Record<string, number> = {};
    let end = 0;
    let alignment = 1;
    for (const [key, { bytes, count }] of Object.entries(members)) {
      const start = Math.ceil(end / bytes) * bytes;
      offsets[key] = start;
      end = start + bytes * count;
      alignment = Math.max(alignment, bytes);
    }
    this.name = name;
    this.size = Math.ceil(end / alignment) * alignment;
    this.offsets = offsets as { [K in keyof M]: number };
    this.#members = members;
  }

  /** The struct's bytes, little-endian. Numbers must be safe integers; an array may be shorter than its member. */
  encode(values: { readonly [K in keyof M]: number | bigint | readonly number[] }): Buffer {
    const bytes = Buffer.alloc(this.size);
    for (const [key, member] of Object.entries(this.#members)) {
      const value: number | bigint | readonly number[] | undefined = values[key];
      const elements = typeof value === 'object' ? value : [value ?? 0];
      if (elements.length > member.count) {
        throw new RangeError(`${this.name}.${key} holds ${member.count} numbers, not ${elements.length}`);
      }
      for (const [index, element] of elements.entries()) {
        const at = (this.offsets[key] ?? 0) + index * member.bytes;
        if (member.bytes === 8) bytes.writeBigUInt64LE(BigInt(element), at);
        else bytes.writeUIntLE(Number(element), at, member.bytes);
      }
    }
    return bytes;
  }
}
