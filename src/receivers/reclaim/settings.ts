/** The section `receivers.reclaim` of the configuration. */
import type { ValuesOf } from '../../settings/setting.ts';
import { histogramSettings } from '../histogram-settings.ts';

/** 16 µs, 32 µs, 64 µs … 8.4 s: of a reclaim without a page to write to one that waits for a slow device. */
const DEFAULT_BOUNDS_US = Array.from({ length: 20 }, (_, power) => 2 ** (power + 4));

export const settings = histogramSettings(DEFAULT_BOUNDS_US);

export type ReclaimSettings = ValuesOf<typeof settings>;
