/** Starts Floatie with more containers than it may measure. */
import assert from 'node:assert/strict';
import { createContainer } from './container.ts';
import { eventually } from './eventually.ts';
import { type Floatie, startFloatie } from './floatie.ts';
import { createManyCgroups } from './many-cgroups.ts';

const SCORE = 'floatie_memory_pressure_score';
/** The default of receivers.pressure.max_containers. */
const MAX = 1000;
/** For measured containers and for queued names. */
const MAX_GROWTH_BYTES = 80 << 20;

export async function surviveManyContainers(count: number): Promise<void> {
  const without = await bytesOfNew();
  await using watched = createContainer();
  using _ = createManyCgroups(count);
  await using floatie = await startFloatie();
  await eventually(
    'the watched container has its score, and others are told to have none',
    async () => {
      const metrics = await floatie.scrape();
      const scores = metrics.select(SCORE, { scope: 'container' }).length;
      assert.ok(scores <= MAX, `${scores} containers have a score`);
      const isWatched = metrics.select(SCORE, { container_id: watched.id }).length === 1;
      return isWatched && metrics.sum('floatie_pressure_containers_left_out') > 0;
    },
    // They are looked for in 50 ms of each second.
    30_000,
  );
  const grown = (await bytesOf(floatie)) - without;
  assert.ok(grown < MAX_GROWTH_BYTES, `${grown} bytes more are resident`);
}

async function bytesOfNew(): Promise<number> {
  await using floatie = await startFloatie();
  return await bytesOf(floatie);
}

/** Resident memory once the buffers of answers have their final size. */
async function bytesOf(floatie: Floatie): Promise<number> {
  for (let scrape = 0; scrape < 3; scrape++) await floatie.scrape();
  return (await floatie.scrape()).sum('process_resident_memory_bytes');
}
