/** The settings of a receiver that has histograms by cgroup. */
import { bounds } from '../settings/bounds.ts';
import { setting } from '../settings/setting.ts';
import { integer } from '../settings/shapes.ts';

/** @param defaultBoundsUs upper bounds of the buckets in µs */
export function histogramSettings(defaultBoundsUs: number[]) {
  return {
    bounds_us: setting(
      defaultBoundsUs,
      bounds,
      'Upper bounds of the histogram buckets in microseconds, inclusive; the kernel counts in exactly these buckets',
    ),
    expire_ms: setting(
      300_000,
      integer(1000, 86_400_000),
      'How long the series of a removed cgroup stay, in ms; several scrape intervals, so that their last values are scraped',
    ),
  };
}
