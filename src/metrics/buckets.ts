/** Bucket arithmetic. Bounds are inclusive (`le`), as Prometheus and OpenTelemetry both define them. */

/** How many bounds the kernel's programs can hold: `MAX_BOUNDS` of bpf/histograms.h. */
export const MAX_BOUNDS = 512;

/** The smallest grid that contains every bound of the sets, ascending. */
export function unionOfBounds(sets: Iterable<readonly number[]>): number[] {
  return [...new Set([...sets].flat())].sort((a, b) => a - b);
}

/** Converts µs to the whole ns that the BPF programs compare with. */
export function toNs(us: number): number {
  return Math.round(us * 1000);
}

/**
 * For every bucket of a fine grid, the index of the coarser bucket that contains it.
 *
 * @param grid ascending bounds that include all of `bounds`
 * @returns grid.length + 1 indices into bounds.length + 1 buckets
 */
export function foldTable(grid: readonly number[], bounds: readonly number[]): number[] {
  let coarse = 0;
  const table = grid.map((bound) => {
    while (coarse < bounds.length && bound > (bounds[coarse] ?? Number.POSITIVE_INFINITY)) coarse++;
    return coarse;
  });
  table.push(bounds.length);
  return table;
}
