import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { layoutOf } from '../../src/receivers/blocks.ts';

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
    test(`has ${spares} spare blocks for ${cpus ?? 'an unknown number of'} CPUs where all have room`, () => {
      const layout = layoutOf(8, 2, 11, cpus);
      assert.deepEqual(layout, { operations: 2, shards, usedCells: 11, blockCells: 16, homes: 16, spares });
    });
  }
});

/** Of the arrays, whose values take a multiple of 8 bytes. */
function bytesOf({ homes, spares, blockCells }: ReturnType<typeof layoutOf>): number {
  return (homes + spares) * (blockCells + 1) * 8 + homes * 64;
}
