/** The bucket bounds in the kernel, by receiver: the union of all configured bounds, so that every histogram is exact. */
import { MAX_BOUNDS, toNs, unionOfBounds } from '../metrics/buckets.ts';
import { type ExponentialOptions, exponentialBoundsNs } from '../metrics/exponential.ts';
import { type ReceiverName, receiverNamed, receiverNames } from '../receivers/index.ts';
import { exponentialOf, exportersOf, nativeOf } from './exporters.ts';
import type { Settings } from './schema.ts';
import { selectedBy } from './selection.ts';

const NATIVE_HISTOGRAMS = 'native_histograms';

export interface WantedBounds {
  /** The key of the setting. */
  readonly key: readonly string[];
  /** The value of the setting that asks for no bounds, if it has one. */
  readonly none?: string;
  /** In ns. */
  readonly boundsNs: readonly number[];
}

/** The bounds for the histograms of a receiver, by the key that asks for them; none for one without histograms. */
export function wantedBounds(config: Settings, name: ReceiverName): WantedBounds[] {
  const own = config.receivers[name];
  if (!('bounds_us' in own)) return [];
  const { metrics } = receiverNamed(name);
  const selecting = config.views.filter((view) => selectedBy(view).some((metric) => metrics.includes(metric)));
  const ofViews = selecting.flatMap(({ stream }) => stream.aggregation?.explicit_bucket_histogram?.boundaries ?? []);
  const exponential = [...exportersOf(config, 'otlp'), ...exportersOf(config, 'otlphttp')].flatMap(
    ({ name, settings }) => {
      const options = exponentialOf(settings);
      const key = ['exporters', name, 'default_histogram_aggregation'];
      return asking(key, 'explicit_bucket_histogram', options);
    },
  );
  const native = exportersOf(config, 'prometheus').flatMap(({ name, settings }) =>
    asking(['exporters', name, NATIVE_HISTOGRAMS], 'off', nativeOf(settings)),
  );
  return [
    { key: ['receivers', name, 'bounds_us'], boundsNs: own.bounds_us.map(toNs) },
    { key: ['views'], boundsNs: ofViews.map(toNs) },
    ...exponential,
    ...native,
  ];
}

function asking(key: readonly string[], none: string, options: ExponentialOptions | undefined): WantedBounds[] {
  return options === undefined ? [] : [{ key, none, boundsNs: exponentialBoundsNs(options.maxScale) }];
}

/** The union of all bounds, ascending, in ns. */
export function kernelBoundsNs(config: Settings, name: ReceiverName): number[] {
  return unionOf(wantedBounds(config, name));
}

function unionOf(wanted: readonly WantedBounds[]): number[] {
  return unionOfBounds(wanted.map(({ boundsNs }) => boundsNs));
}

/** The receivers whose programs cannot hold the bounds that are wanted; each problem begins with `views`. */
export function boundsProblems(config: Settings): string[] {
  return receiverNames.flatMap((name) => {
    const wanted = wantedBounds(config, name);
    const { length } = unionOf(wanted);
    if (length <= MAX_BOUNDS) return [];
    const others = unionOf(wanted.filter(({ key }) => key.at(-1) !== NATIVE_HISTOGRAMS));
    const saved = length - others.length;
    const hint = saved > 0 ? `; exporters.prometheus.${NATIVE_HISTOGRAMS}: off saves ${saved}` : '';
    return `views: they, receivers.${name}.bounds_us, exponential and native histograms ask for ${length} different bounds; the kernel counts on ${MAX_BOUNDS} at most${hint}`;
  });
}
