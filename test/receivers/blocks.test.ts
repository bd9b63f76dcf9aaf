import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kernelBoundsNs } from '../../src/config/bounds.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type BpfObject, Cells } from '../../src/native/index.ts';
import { Blocks, type Layout, layoutOf } from '../../src/receivers/blocks.ts';
import { CELLS } from '../../src/receivers/overlayfs/counts.ts';
import { OPS } from '../../src/receivers/overlayfs/operations.ts';

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
    { cpus: 16, shards: 16, spares: 8 * 8 },
    { cpus: 256, shards: 16, spares: 8 * 8 },
    { cpus: null, shards: 16, spares: 8 * 8 },
  ]) {
    test(`has a block for each operation, and ${spares} spare ones, where there is room; CPUs: ${cpus ?? 'unknown'}`, () => {
      const layout = layoutOf(8, 2, 11, cpus);
      const blocks = 1 + 16 + spares;
      assert.deepEqual(layout, {
        ...{ operations: 2, shards, usedCells: 11, blockCells: 16 },
        ...{ rows: 16, firsts: 16, spares, blocks },
      });
    });
  }

  test('has two blocks a cgroup and a thousand more, where not all have room', () => {
    const { firsts, rows } = layoutOf(1001, 21, 288, 1);
    assert.deepEqual([firsts, rows], [21 + 2 * 1000 + 1024, 21 * 1001]);
  });

  test('by default is below 20 MB', () => {
    const config = loadConfig({ env: {}, set: [] });
    const cells = CELLS.length + kernelBoundsNs(config, 'overlayfs').length + 1;
    for (const cpus of [1, 2, 16, 256]) {
      const bytes = bytesOf(layoutOf(config.kernel.max_map_entries + 1, OPS.length, cells, cpus));
      assert.ok(bytes < 20e6, `${bytes} bytes for ${cpus} CPUs`);
    }
  });
});

suite('blocks', () => {
  test('that nobody has used have no sums', () => {
    const { blocks } = setUp();
    assert.equal(blocks.sums(1, 1), null);
  });

  test('that were claimed, and to which nothing was added yet, have no sums', () => {
    const { blocks, claim } = setUp();
    claim(3);
    blocks.find();
    assert.equal(blocks.sums(1, 1), null);
  });

  test('of an operation are added, also two that were claimed at once', () => {
    const { blocks, claim, claimSpare, add } = setUp();
    for (const block of [claim(3), claim(3)]) add(block, 2, 10);
    for (const amount of [100, 1000]) add(claimSpare(3), 2, amount);
    blocks.find();
    assert.deepEqual([...(blocks.sums(1, 1) ?? [])], [0, 0, 1120]);
    assert.equal(blocks.sums(1, 0), null);
  });

  test('change the version of their slot with each cell, and that of no other slot', () => {
    const { blocks, claim, claimSpare, add } = setUp();
    const versions = new Set([blocks.version(1)]);
    const added = [claim(2), claim(3), claimSpare(3)];
    for (const [times, block] of added.entries()) {
      for (const cell of [0, 2]) {
        add(block, cell, 10 + times);
        blocks.find();
        versions.add(blocks.version(1));
      }
    }
    assert.equal(versions.size, 7);
    assert.equal(blocks.version(2), 0);
  });

  test('of the overflow slot are there from the start, and nobody else gets them', () => {
    const { blocks, claim, kept, add, offered } = setUp();
    assert.deepEqual([kept(0, 0), kept(1, 1)], [1, 2]);
    for (let times = offered().free; times > 0; times--) assert.ok(claim(2) > 2);
    add(1, 0, 5);
    add(2, 0, 6);
    blocks.find();
    assert.deepEqual([blocks.sums(0, 0)?.[0], blocks.sums(0, 1)?.[0]], [5, 6]);
  });

  test('are empty and can be claimed again once their slot is cleared', () => {
    const { blocks, claim, claimSpare, add, offered } = setUp();
    const before = offered();
    for (let life = 0; life < 3; life++) {
      for (let times = before.free; times > 0; times--) add(claim(2), 0, 1);
      for (let times = before.spare; times > 0; times--) add(claimSpare(3), 0, 1);
      blocks.find();
      assert.deepEqual([blocks.sums(1, 0)?.[0], blocks.sums(1, 1)?.[0]], [before.free, before.spare]);
      blocks.offer();
      assert.deepEqual(offered(), { free: 0, spare: 0 });
      blocks.clear(1);
      assert.deepEqual([blocks.sums(1, 0), blocks.sums(1, 1)], [null, null]);
      blocks.offer();
      assert.deepEqual(offered(), before);
    }
  });

  test('of other slots stay when one is cleared', () => {
    const { blocks, claim, add } = setUp();
    for (const row of [2, 4, 6]) add(claim(row), 1, 7);
    blocks.find();
    blocks.clear(2);
    assert.deepEqual(
      [1, 2, 3].map((slot) => blocks.sums(slot, 0)?.[1]),
      [7, undefined, 7],
    );
  });

  test('are offered in fewer calls than there are blocks, also after they were all in use', () => {
    const { blocks, claim, offered, runs } = setUp(5001);
    for (let times = 0; times < 2; times++) {
      assert.ok(runs() >= 512 && runs() < 1024, `${runs()} runs`);
      assert.equal(offered().free, 10_000);
      for (let row = 2; row < 10_002; row++) claim(row);
      blocks.find();
      for (let slot = 1; slot <= 5000; slot++) blocks.clear(slot);
      blocks.offer();
    }
  });

  test('are looked for by the kernel again once some are offered', () => {
    const { blocks, claim, offered, pool } = setUp();
    for (let times = offered().free; times > 0; times--) claim(2);
    pool().set(0, 1);
    blocks.find();
    blocks.clear(1);
    blocks.offer();
    assert.equal(pool().at(0), 0);
  });
});

/** Blocks for two operations with three cells each, and a kernel that claims them. */
function setUp(slots = 4) {
  const layout = layoutOf(slots, 2, 3, 4);
  const memories = new Map<string, Buffer>();
  const queues: Record<string, { first: number; count: number }[]> = { free_blocks: [], spare_blocks: [] };
  const map = (name: string) => ({
    memory(bytes: number): Buffer {
      const memory = memories.get(name) ?? Buffer.from(new ArrayBuffer(bytes));
      memories.set(name, memory);
      return memory;
    },
    push: (run: Buffer) => queues[name]?.push({ first: run.readUInt32LE(), count: run.readUInt32LE(4) }),
  });
  const blocks = new Blocks({ map } as unknown as BpfObject, layout);
  const cells = (name: string): Cells => new Cells(memories.get(name) ?? Buffer.alloc(0));
  const claimFrom = (queue: string, row: number): number => {
    const { first: block, count } = queues[queue]?.shift() ?? assert.fail('no block is left');
    if (count > 1) queues[queue]?.push({ first: block + 1, count: count - 1 });
    assert.deepEqual(
      [0, 1, 2].map((cell) => cells('cells').at(block * layout.blockCells + cell)),
      [0, 0, 0],
    );
    cells('owners').set(block, row + 1);
    return block;
  };
  const left = (queue: string): number => queues[queue]?.reduce((sum, { count }) => sum + count, 0) ?? 0;
  return {
    blocks,
    offered: () => ({ free: left('free_blocks'), spare: left('spare_blocks') }),
    runs: () => queues.free_blocks?.length ?? 0,
    claim: (row: number) => claimFrom('free_blocks', row),
    claimSpare: (row: number) => claimFrom('spare_blocks', row),
    pool: () => cells('.data.blocks'),
    /** The block that the CPUs of a shard keep for a row. */
    kept: (row: number, shard: number) => memories.get('shard_blocks')?.readUInt32LE(64 * row + 4 * shard),
    add(block: number, cell: number, amount: number): void {
      cells('cells').set(block * layout.blockCells + cell, amount);
    },
  };
}

/** Of the arrays, whose values take a multiple of 8 bytes, and the queues. */
function bytesOf({ rows, firsts, spares, blocks, blockCells }: Layout): number {
  return blocks * (blockCells + 1) * 8 + rows * 64 + (firsts + spares) * 4;
}
