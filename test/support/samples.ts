/** What a source gives. */
import type { Sample, Source } from '../../src/metrics/registry.ts';

export function samplesIn(source: Source): Sample[] {
  return [...source.read()].filter((sample) => sample !== null);
}
