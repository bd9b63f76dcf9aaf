/** Prometheus queries for Grafana, made of the catalogue: they can name no metric and no attribute that does not exist. */
import { type Attribute, type Metric, ownerAttributes, selfMetrics } from '../../src/metrics/catalogue.ts';

/** The labels that tell the series of one container, or of one other cgroup, from those of another. */
export const OWNER = ['instance', 'k8s_pod_name', 'container_name', 'container_id', 'cgroup', 'otel_metric_overflow'];
/** Labels that Prometheus and OpenTelemetry add to a metric's own attributes. */
const GIVEN = ['instance', 'le', 'otel_metric_overflow'];

/** The conditions of a selector by label, such as `="x"` or `=~"x|y"`. */
export type Matchers = Readonly<Record<string, string>>;

/** Selects the series of the whole machine, whichever containers are chosen. */
export const HOST: Matchers = { scope: '="host"' };

const labelsOf = (metric: Metric): string[] => [
  ...metric.attributes.map(({ name }: Attribute) => name.replaceAll('.', '_')),
  ...GIVEN,
];

function check(metric: Metric, labels: readonly string[]): void {
  const unknown = labels.find((label) => !labelsOf(metric).includes(label));
  if (unknown !== undefined) throw new Error(`${metric.name} has no attribute "${unknown}"`);
}

/** The metric's series that the dashboard's variables choose. */
export function series(metric: Metric, matchers: Matchers = {}, part: '' | '_bucket' | '_count' | '_sum' = ''): string {
  check(metric, Object.keys(matchers));
  if ((part === '') === (metric.kind === 'histogram')) throw new Error(`${metric.name} has no part "${part}"`);
  const isOwned = metric.attributes.includes(ownerAttributes[0] as Attribute) && matchers !== HOST;
  const owned: Matchers = isOwned ? { cgroup: '=~"$cgroup"', container_name: '=~"$container"' } : {};
  const all = { instance: '=~"$instance"', ...owned, ...matchers };
  const text = Object.entries(all).map(([label, condition]) => `${label}${condition}`);
  return `${metric.name}${part}{${text.join(', ')}}`;
}

/** The rate per second of a counter, or of a histogram's count. */
export function rate(metric: Metric, matchers: Matchers = {}, window = '$__rate_interval'): string {
  return `rate(${series(metric, matchers, metric.kind === 'histogram' ? '_count' : '')}[${window}])`;
}

export function sumBy(labels: readonly string[], of: string): string {
  return `sum by (${labels.join(', ')}) (${of})`;
}

export const byOwner = (of: string, more: readonly string[] = []): string => sumBy([...OWNER, ...more], of);

/** A quantile for each container, or for each set of `labels`; without an operation in the window there is none. */
export function quantile(
  q: number,
  metric: Metric,
  window = '$__rate_interval',
  labels: readonly string[] = OWNER,
): string {
  const rates = sumBy([...labels, 'le'], `rate(${series(metric, {}, '_bucket')}[${window}])`);
  return `histogram_quantile(${q}, ${rates}) >= 0`;
}

/** The number of tasks that wait in the histogram's operations at a time. */
export function waiting(metric: Metric, labels: readonly string[]): string {
  const us = `rate(${series(metric, {}, '_sum')}[$__rate_interval])`;
  return `1e-6 * ${labels.length === 0 ? `sum(${us})` : sumBy(labels, us)}`;
}

/** The growth of each bucket, all containers together. */
export function buckets(metric: Metric): string {
  return sumBy(['le'], `increase(${series(metric, {}, '_bucket')}[$__rate_interval])`);
}

/**
 * The growth of a counter since the step before. A series that is new since then counts with its whole value, which
 * increase() misses. A series is new if it was absent one step ago while `always` was there, or if Floatie has started
 * since. Any other series is compared with its last sample, however long ago that was scraped.
 *
 * @param always a series that every Floatie has from its start
 */
export function growth(
  metric: Metric,
  labels: readonly string[],
  matchers: Matchers,
  step: string,
  always: string,
): string {
  check(metric, labels);
  const now = series(metric, matchers);
  const started = series(selfMetrics.startTime);
  // When the clock is set, the start time of a running Floatie moves, too.
  const isSame = `timestamp(${always} offset ${step}) > ${started}`;
  const since = `${started} > 1 + last_over_time(${started}[1d] offset ${step}) unless ${isSame}`;
  const born = `${now} and on (job, instance) ${always} offset ${step} unless ${now} offset ${step}`;
  const grown = `${now} - (last_over_time(${now}[1d] offset ${step}) <= ${now})`;
  return sumBy(labels, `${now} and on (job, instance) (${since}) or ${born} or ${grown} or ${now}`);
}

/** The growth in the dashboard's time range, across restarts of Floatie. */
export function growthInRange(
  ...[metric, labels, matchers, always]: readonly [Metric, readonly string[], Matchers, string]
): string {
  return `sum_over_time(${growth(metric, labels, matchers, '$__interval', always)}[$__range:$__interval])`;
}
