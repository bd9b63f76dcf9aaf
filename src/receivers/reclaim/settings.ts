import { bounds } from '../../settings/bounds.ts';
import { setting, type ValuesOf } from '../../settings/setting.ts';
import { integer } from '../../settings/shapes.ts';

/** 16 µs, 32 µs, 64 µs … 8.4 s: of a reclaim without a page to write to one that waits for a slow device. */
const DEFAULT_BOUNDS_US = Array.from({ length: 20 }, (_, power) => 2 ** (power + 4));

export const settings = {
  bounds_us: setting(
    DEFAULT_BOUNDS_US,
    bounds,
    'Upper bounds of the histogram buckets in microseconds, inclusive; the kernel counts in exactly these buckets',
  ),
  expire_ms: setting(
    300_000,
    integer(1000, 86_400_000),
    'How long the series of a removed cgroup stay, in ms; several scrape intervals, so that their last values are scraped',
  ),
};

export type ReclaimSettings = ValuesOf<typeof settings>;
