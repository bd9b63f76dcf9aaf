/**
 * The blocks of cells in bpf/histograms.h: a home block for each operation of each slot, and spare blocks that CPUs
 * claim beside them.
 */
import { array, type BpfObject, Cells, Struct, u32 } from '../native/index.ts';

/** More CPUs share shards; adds are atomic, so sharing costs only time. */
const MAX_SHARDS = 16;

export const SHARD_BLOCKS = new Struct('shard_blocks', { blocks: array(u32, MAX_SHARDS) });

/** Cells of 8 bytes in a cache line: two blocks never share one. */
const LINE_CELLS = 8;

/** The memory of spare blocks for each slot, in bytes, where not every CPU can have one. */
const SPARE_BYTES = 4096;

/** The limit of spare blocks that the kernel can claim at a time. Each takes a system call. */
const OFFERED = 256;

export interface Layout {
  readonly operations: number;
  /** A power of two. */
  readonly shards: number;
  /** The number of cells that are used in a block, and that of all. */
  readonly usedCells: number;
  readonly blockCells: number;
  /** The number of home blocks, which come first. */
  readonly homes: number;
  readonly spares: number;
}

/** @param cpus the number of CPUs that this machine can have; null: not known */
export function layoutOf(slots: number, operations: number, usedCells: number, cpus: number | null): Layout {
  const shards = Math.min(MAX_SHARDS, 2 ** Math.ceil(Math.log2(cpus ?? MAX_SHARDS)));
  const blockCells = Math.ceil(usedCells / LINE_CELLS) * LINE_CELLS;
  const homes = slots * operations;
  // One shard has the home block.
  const useful = homes * (shards - 1);
  const spares = Math.min(useful, Math.ceil((slots * SPARE_BYTES) / (blockCells * 8)));
  return { operations, shards, usedCells, blockCells, homes, spares };
}

export class Blocks {
  readonly #layout: Layout;
  readonly #object: BpfObject;
  readonly #cells: Cells;
  readonly #owners: Cells;
  readonly #kept: Cells;
  readonly #sums: Float64Array;
  /** Chains of spare blocks: those beside each home block, and those to be offered. 0 is the end. */
  readonly #next: Uint32Array;
  /** The first spare block that is to be offered. */
  #idle = 0;
  /** By block, whether it is in the chain of a home block. */
  readonly #isFound: Uint8Array;
  /** The number of spare blocks that the kernel can claim, or has claimed and that are not found yet. */
  #offered = 0;

  /** Before loading: makes the maps large enough. */
  static size(object: BpfObject, { homes, spares, blockCells }: Layout): void {
    object.map('cells').setMaxEntries((homes + spares) * blockCells);
    object.map('owners').setMaxEntries(homes + spares);
    object.map('shard_blocks').setMaxEntries(homes);
    object.map('free_blocks').setMaxEntries(OFFERED);
  }

  /** @param object is loaded */
  constructor(object: BpfObject, layout: Layout) {
    const { homes, spares, usedCells, blockCells } = layout;
    const blocks = homes + spares;
    this.#layout = layout;
    this.#object = object;
    this.#cells = new Cells(object.map('cells').memory(blocks * blockCells * 8));
    this.#owners = new Cells(object.map('owners').memory(blocks * 8));
    this.#kept = new Cells(object.map('shard_blocks').memory(homes * SHARD_BLOCKS.size));
    this.#sums = new Float64Array(usedCells);
    this.#next = new Uint32Array(blocks);
    this.#isFound = new Uint8Array(blocks);
    for (let block = blocks - 1; block >= homes; block--) this.#keep(block);
    this.offer();
  }

  /** Finds the spare blocks that were claimed since the last call. */
  find(): void {
    const { homes, spares } = this.#layout;
    for (let block = homes; block < homes + spares; block++) {
      if (this.#isFound[block] === 1 || this.#owners.isZero(block)) continue;
      const home = this.#owners.at(block) - 1;
      this.#isFound[block] = 1;
      this.#next[block] = this.#next[home] ?? 0;
      this.#next[home] = block;
      this.#offered--;
    }
  }

  /** Lets the kernel claim spare blocks in place of those that were found. */
  offer(): void {
    const value = Buffer.alloc(4);
    for (; this.#offered < OFFERED && this.#idle !== 0; this.#offered++) {
      value.writeUInt32LE(this.#idle);
      this.#object.map('free_blocks').push(value);
      this.#idle = this.#next[this.#idle] ?? 0;
    }
  }

  /** The sums of an operation's cells, which are good until the next call; null when it was never used. */
  sums(slot: number, operation: number): Float64Array | null {
    const home = slot * this.#layout.operations + operation;
    let spare = this.#next[home] ?? 0;
    const isUsed = !this.#owners.isZero(home);
    if (!isUsed && spare === 0) return null;
    this.#sums.fill(0);
    if (isUsed) this.#add(home);
    for (; spare !== 0; spare = this.#next[spare] ?? 0) this.#add(spare);
    return this.#sums;
  }

  /** Clears the blocks of a slot, to which no operation adds any more, and takes the spare ones back. */
  clear(slot: number): void {
    const { operations } = this.#layout;
    const first = slot * operations;
    for (let home = first; home < first + operations; home++) {
      let spare = this.#next[home] ?? 0;
      this.#next[home] = 0;
      this.#empty(home);
      while (spare !== 0) {
        const next = this.#next[spare] ?? 0;
        this.#empty(spare);
        this.#keep(spare);
        spare = next;
      }
    }
    const cells = SHARD_BLOCKS.size / 8;
    this.#kept.clear(first * cells, operations * cells);
  }

  #add(block: number): void {
    const sums = this.#sums;
    const first = block * this.#layout.blockCells;
    for (let cell = 0; cell < sums.length; cell++) {
      // Most cells are 0.
      if (!this.#cells.isZero(first + cell)) sums[cell] = (sums[cell] ?? 0) + this.#cells.at(first + cell);
    }
  }

  #empty(block: number): void {
    if (this.#owners.isZero(block)) return;
    const { blockCells } = this.#layout;
    this.#cells.clear(block * blockCells, blockCells);
    this.#owners.set(block, 0);
  }

  #keep(block: number): void {
    this.#isFound[block] = 0;
    this.#next[block] = this.#idle;
    this.#idle = block;
  }
}
