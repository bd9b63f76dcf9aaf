/** How the kernel's memory for counts grows with the CPUs that a machine can have. Computed, not measured. */
import { kernelBoundsNs } from '../src/config/bounds.ts';
import { load } from '../src/config/load.ts';
import { layoutOf } from '../src/receivers/blocks.ts';
import { CELLS } from '../src/receivers/overlayfs/counts.ts';
import { OPS } from '../src/receivers/overlayfs/operations.ts';
import type { Bench, Part } from './part.ts';
import { OURS } from './results.ts';

interface Grid {
  readonly operations: number;
  readonly bounds: number;
}

const CONTAINERS = 1024;
const CPUS = [1, 2, 4, 16, 64, 256];
/** What the layout has to have room for. */
const ROOM: Grid = { operations: 16, bounds: 280 };
const AIM_MB = 64;
const SHARD_BLOCKS_BYTES = 64;

export const cpus: Part = {
  title: `The kernel's memory for ${CONTAINERS.toLocaleString('en')} containers, by possible CPUs`,
  measure,
};

async function measure({ results }: Bench): Promise<void> {
  const bounds = kernelBoundsNs(load({ env: {}, set: [] }).config, 'overlayfs').length;
  const describe = ({ operations, bounds }: Grid): string => `${operations} operations on ${bounds} bounds`;
  for (const grid of [{ operations: OPS.length, bounds }, ROOM]) {
    for (const number of CPUS) {
      const cells = CELLS.length + grid.bounds + 1;
      const { rows, blocks, blockCells } = layoutOf(CONTAINERS + 1, grid.operations, cells, number);
      const bytes = blocks * (blockCells + 1) * 8 + rows * SHARD_BLOCKS_BYTES;
      results.add(describe(grid), columnOf(number), 'MB', bytes / 1e6);
    }
  }
  results.aim(describe(ROOM), columnOf(16), { atMost: AIM_MB });
}

function columnOf(number: number): string {
  return `${OURS}, ${number} CPU${number === 1 ? '' : 's'}`;
}
