/**
 * The blocks of cells in bpf/histograms.h. The kernel claims a block when a cgroup first does an operation, and CPUs
 * claim spare blocks beside it.
 */
import { array, type BpfMap, type BpfObject, Cells, Struct, u32, u64 } from '../native/index.ts';

/** More CPUs share shards; adds are atomic, so sharing costs only time. */
const MAX_SHARDS = 16;

export const SHARD_BLOCKS = new Struct('shard_blocks', { blocks: array(u32, MAX_SHARDS) });
export const RUN = new Struct('run', { first: u32, count: u32 });
export const BLOCK_POOL = new Struct('block_pool', { is_empty: u64 });

/** Cells of 8 bytes in a cache line: two blocks never share one. */
const LINE_CELLS = 8;

/**
 * The number of first blocks: most cgroups do few of the operations, and while there are few cgroups each can do all.
 * A cgroup that finds none counts in the overflow series.
 */
const BLOCKS_PER_SLOT = 2;
const MORE_BLOCKS = 1024;

/**
 * Free blocks are offered in so many runs, which are not longer than that. Each run takes a system call, and while a CPU
 * takes a block from a run, others must find another run.
 */
const RUNS = 512;
const MAX_RUN = 32;

/** The memory of spare blocks for each slot, in bytes, where not every CPU can have one. */
const SPARE_BYTES = 1024;

export interface Layout {
  readonly operations: number;
  /** A power of two. */
  readonly shards: number;
  /** The number of cells that are used in a block, and that of all. */
  readonly usedCells: number;
  readonly blockCells: number;
  readonly rows: number;
  /** The number of blocks that rows claim first, with those of the overflow slot, and that of spare ones. */
  readonly firsts: number;
  readonly spares: number;
  /** The number of all blocks, with block 0, which does not exist. The overflow slot's come first, and spare ones last. */
  readonly blocks: number;
}

/**
 * @param cpus the number of CPUs that this machine can have; null: not known
 * @param firstBlocks the number of blocks that the rows of cgroups claim first
 */
export function layoutOf(
  slots: number,
  operations: number,
  usedCells: number,
  cpus: number | null,
  firstBlocks = (slots - 1) * BLOCKS_PER_SLOT + MORE_BLOCKS,
): Layout {
  const shards = Math.min(MAX_SHARDS, 2 ** Math.ceil(Math.log2(cpus ?? MAX_SHARDS)));
  const blockCells = Math.ceil(usedCells / LINE_CELLS) * LINE_CELLS;
  const rows = slots * operations;
  const firsts = Math.min(rows, operations + firstBlocks);
  // One shard has the first block.
  const useful = firsts * (shards - 1);
  const spares = Math.min(useful, Math.ceil((slots * SPARE_BYTES) / (blockCells * 8)));
  return { operations, shards, usedCells, blockCells, rows, firsts, spares, blocks: 1 + firsts + spares };
}

export class Blocks {
  readonly #layout: Layout;
  readonly #cells: Cells;
  readonly #owners: Cells;
  readonly #kept: Cells;
  readonly #pool: Cells;
  readonly #sums: Float64Array;
  /** By row, the first block in the chain of those that were found. 0: none. */
  readonly #found: Uint32Array;
  /** By block, the next one in its chain. */
  readonly #next: Uint32Array;
  /** By block, whether it is in the chain of a row. */
  readonly #isFound: Uint8Array;
  /** By block, whether nobody has it, and the kernel cannot claim it. */
  readonly #isIdle: Uint8Array;
  /** The number of first blocks that rows of cgroups have. */
  #used = 0;
  readonly #free: BpfMap;
  readonly #spare: BpfMap;

  /** Before loading: makes the maps large enough. */
  static size(object: BpfObject, { rows, firsts, spares, blocks, blockCells }: Layout): void {
    object.map('cells').setMaxEntries(blocks * blockCells);
    object.map('owners').setMaxEntries(blocks);
    object.map('shard_blocks').setMaxEntries(rows);
    object.map('free_blocks').setMaxEntries(firsts);
    object.map('spare_blocks').setMaxEntries(Math.max(1, spares));
  }

  /** @param object is loaded */
  constructor(object: BpfObject, layout: Layout) {
    const { operations, shards, rows, usedCells, blockCells, blocks } = layout;
    this.#layout = layout;
    this.#cells = new Cells(object.map('cells').memory(blocks * blockCells * 8));
    this.#owners = new Cells(object.map('owners').memory(blocks * 8));
    const kept = object.map('shard_blocks').memory(rows * SHARD_BLOCKS.size);
    this.#kept = new Cells(kept);
    this.#pool = new Cells(object.map('.data.blocks').memory(BLOCK_POOL.size));
    this.#sums = new Float64Array(usedCells);
    this.#found = new Uint32Array(rows);
    this.#next = new Uint32Array(blocks);
    this.#isFound = new Uint8Array(blocks);
    this.#isIdle = new Uint8Array(blocks).fill(1, 1 + operations);
    this.#free = object.map('free_blocks');
    this.#spare = object.map('spare_blocks');
    // Rows of the overflow slot, which is 0.
    for (let row = 0; row < operations; row++) {
      kept.writeUInt32LE(1 + row, row * SHARD_BLOCKS.size + 4 * (row & (shards - 1)));
      this.#owners.set(1 + row, 1 + row);
    }
    this.offer();
  }

  /** Finds the blocks that were claimed since the last call. */
  find(): void {
    const { blocks } = this.#layout;
    for (let block = 1; block < blocks; block++) {
      if (this.#isFound[block] === 1 || this.#owners.isZero(block)) continue;
      const row = this.#owners.at(block) - 1;
      this.#isFound[block] = 1;
      if (this.#isFirst(block)) this.#used++;
      this.#next[block] = this.#found[row] ?? 0;
      this.#found[row] = block;
    }
  }

  /** Lets the kernel claim the blocks that nobody has. */
  offer(): void {
    const { firsts, blocks } = this.#layout;
    this.#offerFrom(1, 1 + firsts, this.#free);
    this.#offerFrom(1 + firsts, blocks, this.#spare);
    this.#pool.set(BLOCK_POOL.offsets.is_empty / 8, 0);
  }

  #offerFrom(start: number, end: number, queue: BpfMap): void {
    const longest = Math.min(MAX_RUN, Math.max(1, Math.floor((end - start) / RUNS)));
    for (let first = start; first < end; first++) {
      let count = 0;
      while (count < longest && first + count < end && this.#isIdle[first + count] === 1) count++;
      if (count === 0) continue;
      queue.push(RUN.encode({ first, count }));
      this.#isIdle.fill(0, first, first + count);
      first += count - 1;
    }
  }

  /** Whether an operation found no first block since blocks were last offered. */
  get isEmpty(): boolean {
    return !this.#pool.isZero(BLOCK_POOL.offsets.is_empty / 8);
  }

  /** The share of first blocks that nobody has, or that these slots give back. */
  freeShare(draining: Iterable<number>): number {
    let free = 1 - this.#used / this.#claimable;
    for (const slot of draining) free += this.shareOf(slot);
    return free;
  }

  /** The share of first blocks that a slot has. */
  shareOf(slot: number): number {
    const { operations } = this.#layout;
    let used = 0;
    for (let row = slot * operations; row < (slot + 1) * operations; row++) if (this.#found[row] !== 0) used++;
    return used / this.#claimable;
  }

  /** The number of first blocks that rows of cgroups can claim. */
  get #claimable(): number {
    return this.#layout.firsts - this.#layout.operations;
  }

  /** The sums of an operation's cells, which are good until the next call; null when it was never done. */
  sums(slot: number, operation: number): Float64Array | null {
    let block = this.#found[slot * this.#layout.operations + operation] ?? 0;
    if (block === 0) return null;
    this.#sums.fill(0);
    let hasAny = false;
    for (; block !== 0; block = this.#next[block] ?? 0) hasAny = this.#add(block) || hasAny;
    return hasAny ? this.#sums : null;
  }

  /** Changes with the counts of a slot. See {@link Cells.version}. */
  version(slot: number): number {
    const { operations, blockCells, usedCells } = this.#layout;
    let version = 0;
    for (let row = slot * operations; row < (slot + 1) * operations; row++) {
      for (let block = this.#found[row] ?? 0; block !== 0; block = this.#next[block] ?? 0)
        version += this.#cells.version(block * blockCells, usedCells);
    }
    return version;
  }

  /** Clears the blocks of a slot, to which no operation adds any more, and takes them back. */
  clear(slot: number): void {
    const { operations, blockCells } = this.#layout;
    const first = slot * operations;
    const cells = SHARD_BLOCKS.size / 8;
    this.#kept.clear(first * cells, operations * cells);
    for (let row = first; row < first + operations; row++) {
      let block = this.#found[row] ?? 0;
      this.#found[row] = 0;
      for (; block !== 0; block = this.#next[block] ?? 0) {
        this.#cells.clear(block * blockCells, blockCells);
        this.#owners.set(block, 0);
        this.#isFound[block] = 0;
        this.#isIdle[block] = 1;
        if (this.#isFirst(block)) this.#used--;
      }
    }
  }

  /** Whether it is a row's first block, and not one of the overflow slot. */
  #isFirst(block: number): boolean {
    return block > this.#layout.operations && block <= this.#layout.firsts;
  }

  /** @returns whether the block has counts */
  #add(block: number): boolean {
    const sums = this.#sums;
    const first = block * this.#layout.blockCells;
    let hasAny = false;
    for (let cell = 0; cell < sums.length; cell++) {
      // Most cells are 0.
      if (this.#cells.isZero(first + cell)) continue;
      sums[cell] = (sums[cell] ?? 0) + this.#cells.at(first + cell);
      hasAny = true;
    }
    return hasAny;
  }
}
