import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Cells } from '../../../src/native/libbpf/cells.ts';

/** Cells over memory in which the kernel has written these numbers. */
function cellsOf(...values: bigint[]): Cells {
  const memory = Buffer.from(new ArrayBuffer(values.length * 8));
  for (const [index, value] of values.entries()) memory.writeBigUInt64LE(value, index * 8);
  return new Cells(memory);
}

const numbers = [
  0,
  1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 52 - 1,
  2 ** 52,
  2 ** 52 + 1,
  2 ** 53 - 1,
  2 ** 53,
];

suite('a number that the kernel wrote is read exactly', () => {
  for (const value of numbers) test(`${value}`, () => assert.equal(cellsOf(BigInt(value)).at(0), value));
});

suite('a number that we write is read back exactly', () => {
  for (const value of numbers) {
    test(`${value}`, () => {
      const cells = cellsOf(7n, 7n, 7n);
      cells.set(1, value);
      assert.deepEqual([cells.at(0), cells.at(1), cells.at(2)], [7, value, 7]);
    });
  }

  test('by the kernel, too', () => {
    const memory = Buffer.from(new ArrayBuffer(8));
    new Cells(memory).set(0, 2 ** 52 + 3);
    assert.equal(memory.readBigUInt64LE(), 2n ** 52n + 3n);
  });
});

suite('an id is read whole', () => {
  const ids: [string, bigint][] = [
    ['of 32 bits', 0xffff_fffen],
    ['of a cgroup, with its generation above', 0x0000_0001_0000_1a2bn],
    ['of 53 bits', 2n ** 53n - 1n],
    ['of 54 bits', 2n ** 54n - 1n],
    ['of 62 bits', 2n ** 62n + 12_345n],
    ['whose bits are the largest float', 0x7fef_ffff_ffff_ffffn],
    ['of 64 bits', 2n ** 63n + 12_345n],
    ['whose bits are no number as a float', 0x7ff0_0000_0000_0001n],
    ['of 64 ones', 2n ** 64n - 1n],
  ];
  for (const [name, id] of ids) test(`${name}: 0x${id.toString(16)}`, () => assert.equal(cellsOf(id).idAt(0), id));
});

suite('cells', () => {
  test('are as many as fit into the memory', () => assert.equal(cellsOf(1n, 2n, 3n).length, 3));

  test('see what is written after they were made', () => {
    const memory = Buffer.from(new ArrayBuffer(8));
    const cells = new Cells(memory);
    memory.writeBigUInt64LE(5n);
    assert.equal(cells.at(0), 5);
  });

  test('begin where the view of the memory does', () => {
    const memory = Buffer.from(new ArrayBuffer(16));
    memory.writeBigUInt64LE(5n, 8);
    assert.equal(new Cells(memory.subarray(8)).at(0), 5);
  });

  test('are 0 beyond their end', () => assert.equal(cellsOf(1n).at(1), 0));

  test('tell a zero from everything else', () => {
    const cells = cellsOf(0n, 1n, 2n ** 52n);
    assert.deepEqual([cells.isZero(0), cells.isZero(1), cells.isZero(2)], [true, false, false]);
  });

  test('have the same number as others where all 64 bits are the same', () => {
    const cells = cellsOf(0n, 2n ** 63n + 1n);
    const others = cellsOf(2n ** 63n + 1n, 2n ** 63n, 1n);
    assert.deepEqual(
      [0, 1, 2].map((at) => cells.hasSame(1, others, at)),
      [true, false, false],
    );
  });

  test('take an id of 64 bits', () => {
    const cells = cellsOf(0n, 1n);
    cells.setId(1, 2n ** 64n - 1n);
    assert.deepEqual([cells.idAt(0), cells.idAt(1)], [0n, 2n ** 64n - 1n]);
  });

  test('are cleared where asked, and only there', () => {
    const cells = cellsOf(1n, 2n, 3n, 4n);
    cells.clear(1, 2);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => cells.at(index)),
      [1, 0, 0, 4],
    );
  });

  test('refuse memory that is not aligned, where a read could be torn', () => {
    const memory = Buffer.from(new ArrayBuffer(16));
    assert.throws(() => new Cells(memory.subarray(4, 12)), { name: 'RangeError' });
  });

  test('are read alike after the compiler has optimised it', () => {
    const cells = cellsOf(2n ** 53n - 1n, 0x7ff0_0000n);
    let sum = 0;
    for (let round = 0; round < 100_000; round++) sum += cells.at(0) - cells.at(1);
    assert.equal(sum / 100_000, 2 ** 53 - 1 - 0x7ff0_0000);
  });
});

suite('the version of cells', () => {
  test('is the sum of their numbers', () => {
    assert.equal(cellsOf(1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 40n + 5n).version(1, 3), 2 ** 33 + 2 ** 40 + 4);
  });

  for (const value of numbers.slice(0, -1)) {
    test(`changes when one grows from ${value}`, () => {
      const [before, after] = [cellsOf(3n, BigInt(value)), cellsOf(3n, BigInt(value) + 2n)];
      assert.notEqual(before.version(0, 2), after.version(0, 2));
    });
  }
});
