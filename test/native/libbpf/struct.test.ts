import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { array, type Member, Struct, u8, u32, u64 } from '../../../src/native/libbpf/struct.ts';

suite('a struct is laid out as the compiler does', () => {
  const rows: [string, Record<string, Member>, Record<string, number>, number][] = [
    ['without members', {}, {}, 0],
    ['with one byte', { a: u8 }, { a: 0 }, 1],
    ['with members that fit', { a: u64, b: u32, c: u32 }, { a: 0, b: 8, c: 12 }, 16],
    ['with a gap before a larger member', { a: u8, b: u32 }, { a: 0, b: 4 }, 8],
    ['with a gap before the largest', { a: u8, b: u64 }, { a: 0, b: 8 }, 16],
    ['with a gap at its end', { a: u64, b: u8 }, { a: 0, b: 8 }, 16],
    ['with bytes behind each other', { a: u32, b: u8, c: u8 }, { a: 0, b: 4, c: 5 }, 8],
    ['with an array, which is aligned as its elements are', { a: u8, b: array(u32, 3) }, { a: 0, b: 4 }, 16],
    ['with an array of bytes, which is not aligned', { a: u8, b: array(u8, 16), c: u8 }, { a: 0, b: 1, c: 17 }, 18],
  ];
  for (const [name, members, offsets, size] of rows) {
    test(name, () => {
      const struct = new Struct('s', members);
      assert.deepEqual([struct.offsets, struct.size], [offsets, size]);
    });
  }
});

suite('the bytes of a struct', () => {
  const SMALL = new Struct('small', { a: u8, b: u32, c: u64 });
  const LIST = new Struct('list', { count: u32, items: array(u64, 3) });

  test('are little-endian, with zeros in the gaps', () => {
    assert.equal(
      SMALL.encode({ a: 0x01, b: 0x02030405, c: 0x06070809 }).toString('hex'),
      '01000000050403020908070600000000',
    );
  });

  test('hold the largest number of each kind', () => {
    const bytes = SMALL.encode({ a: 255, b: 0xffffffff, c: Number.MAX_SAFE_INTEGER });
    assert.equal(bytes.toString('hex'), 'ff000000ffffffffffffffffffff1f00');
  });

  test('hold an array element by element', () => {
    const bytes = LIST.encode({ count: 3, items: [1, 2, 3] });
    assert.deepEqual(
      [0, 1, 2].map((index) => bytes.readBigUInt64LE(8 + 8 * index)),
      [1n, 2n, 3n],
    );
  });

  test('have zeros where an array is shorter than its member', () => {
    const bytes = LIST.encode({ count: 1, items: [7] });
    assert.deepEqual([bytes.length, bytes.readBigUInt64LE(24)], [32, 0n]);
  });

  test('take no array that is longer than its member', () => {
    assert.throws(() => LIST.encode({ count: 4, items: [1, 2, 3, 4] }), {
      name: 'RangeError',
      message: 'list.items holds 3 numbers, not 4',
    });
  });

  for (const [name, values] of [
    ['a byte above 255', { a: 256, b: 0, c: 0 }],
    ['a number above 2^32 - 1', { a: 0, b: 2 ** 32, c: 0 }],
    ['a negative number', { a: 0, b: -1, c: 0 }],
    ['a negative number of 64 bits', { a: 0, b: 0, c: -1 }],
    ['a fraction of 64 bits', { a: 0, b: 0, c: 0.5 }],
  ] as const) {
    test(`take no ${name}`, () => assert.throws(() => SMALL.encode(values), { name: 'RangeError' }));
  }
});
