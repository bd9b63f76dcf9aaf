import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type BpfObject, Cells } from '../../src/native/index.ts';
import { Blocks, layoutOf } from '../../src/receivers/blocks.ts';

/** 16 operations with four counters and 280 bounds, for 1,024 cgroups and the overflow. */
const ROOM = { slots: 1025, operations: 16, cells: 4 + 281 };

suite('the memory of counts', () => {
  test('with 16 operations, 280 bounds and 1,024 cgroups is at most 64 MB, for 1 to 256 CPUs', () => {
    for (let cpus = 1; cpus <= 256; cpus++) {
      const layout = layoutOf(ROOM.slots, ROOM.operations, ROOM.cells, cpus);
      assert.ok(bytesOf(layout) <= 64e6, `${bytesOf(layout)} bytes for ${cpus} CPUs`);
    }
  });

  test('grows with cgroups, operations and bounds alone once it has spare blocks', () => {
    const bytes = [64, 256, null].map((cpus) => bytesOf(layoutOf(ROOM.slots, ROOM.operations, ROOM.cells, cpus)));
    assert.equal(new Set(bytes).size, 1);
  });

  for (const { cpus, shards, spares } of [
    { cpus: 1, shards: 1, spares: 0 },
    { cpus: 2, shards: 2, spares: 2 * 8 * 1 },
    { cpus: 3, shards: 4, spares: 2 * 8 * 3 },
    { cpus: 16, shards: 16, spares: 2 * 8 * 15 },
    { cpus: 256, shards: 16, spares: 2 * 8 * 15 },
    { cpus: null, shards: 16, spares: 2 * 8 * 15 },
  ]) {
    test(`has ${spares} spare blocks where all have room; CPUs: ${cpus ?? 'unknown'}`, () => {
      const layout = layoutOf(8, 2, 11, cpus);
      assert.deepEqual(layout, { operations: 2, shards, usedCells: 11, blockCells: 16, homes: 16, spares });
    });
  }
});

suite('blocks', () => {
  test('that nobody has used have no sums', () => {
    const { blocks } = setUp();
    assert.equal(blocks.sums(1, 1), null);
  });

  test('of an operation are added, also two that one shard has claimed at once', () => {
    const { blocks, claim, add } = setUp();
    for (const amount of [1, 10, 100]) add(claim(3), 2, amount);
    add(3, 2, 1000);
    blocks.find();
    assert.deepEqual([...(blocks.sums(1, 1) ?? [])], [0, 0, 1111]);
    assert.equal(blocks.sums(1, 0), null);
  });

  test('are empty and can be claimed again once their slot is cleared', () => {
    const { blocks, claim, add, offered } = setUp();
    const before = offered();
    for (let life = 0; life < 3; life++) {
      for (let times = before; times > 0; times--) add(claim(2), 0, 1);
      blocks.find();
      assert.deepEqual([offered(), blocks.sums(1, 0)?.[0]], [0, before]);
      blocks.clear(1);
      assert.equal(blocks.sums(1, 0), null);
      blocks.offer();
      assert.equal(offered(), before);
    }
  });

  test('of other slots stay when one is cleared', () => {
    const { blocks, claim, add } = setUp();
    for (const home of [0, 2, 4]) add(claim(home), 1, 7);
    blocks.find();
    blocks.clear(1);
    assert.deepEqual(
      [0, 1, 2].map((slot) => blocks.sums(slot, 0)?.[1]),
      [7, undefined, 7],
    );
  });

  test('are offered some at a time', () => {
    const { blocks, claim, offered } = setUp(1000);
    assert.equal(offered(), 256);
    for (let times = 0; times < 100; times++) claim(0);
    blocks.offer();
    assert.equal(offered(), 156, 'the kernel may not have said yet whose they are');
    blocks.find();
    blocks.offer();
    assert.equal(offered(), 256);
  });
});

/** Blocks for two operations with three cells each, and a kernel that claims them. */
function setUp(slots = 4) {
  const layout = layoutOf(slots, 2, 3, 4);
  const memories = new Map<string, Buffer>();
  const queue: number[] = [];
  const map = (name: string) => ({
    memory(bytes: number): Buffer {
      const memory = memories.get(name) ?? Buffer.from(new ArrayBuffer(bytes));
      memories.set(name, memory);
      return memory;
    },
    push: (value: Buffer) => queue.push(value.readUInt32LE()),
  });
  const blocks = new Blocks({ map } as unknown as BpfObject, layout);
  const cells = (name: string): Cells => new Cells(memories.get(name) ?? Buffer.alloc(0));
  return {
    blocks,
    offered: () => queue.length,
    claim(home: number): number {
      const block = queue.shift() ?? assert.fail('no block is left');
      assert.deepEqual(
        [0, 1, 2].map((cell) => cells('cells').at(block * layout.blockCells + cell)),
        [0, 0, 0],
      );
      cells('owners').set(block, home + 1);
      return block;
    },
    add(block: number, cell: number, amount: number): void {
      if (block < layout.homes) cells('owners').set(block, block + 1);
      cells('cells').set(block * layout.blockCells + cell, amount);
    },
  };
}

/** Of the arrays, whose values take a multiple of 8 bytes. */
function bytesOf({ homes, spares, blockCells }: ReturnType<typeof layoutOf>): number {
  return (homes + spares) * (blockCells + 1) * 8 + homes * 64;
}
