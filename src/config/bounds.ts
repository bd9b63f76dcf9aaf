/** The bucket bounds in the kernel: the union of all configured bounds, so that every histogram is exact. */
import { toNs, unionOfBounds } from '../metrics/buckets.ts';
import { exponentialBoundsNs } from '../metrics/exponential.ts';
import { exponentialOf, exportersOf } from './exporters.ts';
import type { Config } from './schema.ts';

export interface WantedBounds {
  /** The key of the setting. */
  readonly key: readonly string[];
  /** In ns. */
  readonly boundsNs: readonly number[];
}

/** The bounds by the key that asks for them. */
export function wantedBounds(config: Config): WantedBounds[] {
  const { receivers, views } = config;
  const ofViews = views.flatMap(({ stream }) => stream.aggregation?.explicit_bucket_histogram?.boundaries ?? []);
  const exponential = [...exportersOf(config, 'otlp'), ...exportersOf(config, 'otlphttp')].flatMap(
    ({ name, settings }) => {
      const options = exponentialOf(settings);
      const key = ['exporters', name, 'default_histogram_aggregation'];
      return options === undefined ? [] : [{ key, boundsNs: exponentialBoundsNs(options.maxScale) }];
    },
  );
  return [
    { key: ['receivers', 'overlayfs', 'bounds_us'], boundsNs: receivers.overlayfs.bounds_us.map(toNs) },
    { key: ['views'], boundsNs: ofViews.map(toNs) },
    ...exponential,
  ];
}

/** The union of all bounds, ascending, in ns. */
export function kernelBoundsNs(config: Config): number[] {
  return unionOfBounds(wantedBounds(config).map(({ boundsNs }) => boundsNs));
}
