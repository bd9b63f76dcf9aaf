/** Prometheus queries for Grafana, made of the catalogue: they can name no metric and no attribute that does not exist. */
import { type Attribute, type Metric, ownerAttributes, selfMetrics } from '../../src/metrics/catalogue.ts';

/** Whose a series is, as Prometheus calls it, and where it was scraped. */
const OWNER = ['instance', 'cgroup', 'container_id', 'container_name', 'k8s_pod_name', 'otel_metric_overflow'];
/** What does not come from Floatie's own attributes: Prometheus', and OpenTelemetry's. */
const GIVEN = ['instance', 'le', 'otel_metric_overflow'];

/** Which series a query takes: labels, and what they must be, such as `="x"` or `=~"x|y"`. */
export type Matchers = Readonly<Record<string, string>>;

/** Of the machine, whichever of its containers are chosen. */
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

/** What counters counted per second, in the finest resolution that scrapes allow. */
export function rate(metric: Metric, matchers: Matchers = {}, window = '$__rate_interval'): string {
  return `rate(${series(metric, matchers, metric.kind === 'histogram' ? '_count' : '')}[${window}])`;
}

export function sumBy(labels: readonly string[], of: string): string {
  return `sum by (${labels.join(', ')}) (${of})`;
}

export const byOwner = (of: string, more: readonly string[] = []): string => sumBy([...OWNER, ...more], of);

/** A quantile of each container's histogram; nothing for those that did nothing. */
export function quantile(q: number, metric: Metric, window = '$__rate_interval'): string {
  return `histogram_quantile(${q}, ${byOwner(`rate(${series(metric, {}, '_bucket')}[${window}])`, ['le'])}) >= 0`;
}

/** What came into each bucket, of all containers together. */
export function buckets(metric: Metric): string {
  return sumBy(['le'], `increase(${series(metric, {}, '_bucket')}[$__rate_interval])`);
}

/**
 * How much a counter grew since the step before; of a series that is new since, all: increase() does not see what a
 * series was born with. New is what was not there though Floatie was, whose series without a victim says so, and what is
 * of a Floatie that has started since. The rest is compared with what was last seen, however long nothing was scraped.
 *
 * @param always the series that every Floatie has
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
  // The start of a Floatie that was there already moves only when the clock is set.
  const isSame = `timestamp(${always} offset ${step}) > ${started}`;
  const since = `${started} > 1 + last_over_time(${started}[1d] offset ${step}) unless ${isSame}`;
  const born = `${now} and on (job, instance) ${always} offset ${step} unless ${now} offset ${step}`;
  const grown = `${now} - (last_over_time(${now}[1d] offset ${step}) <= ${now})`;
  return sumBy(labels, `${now} and on (job, instance) (${since}) or ${born} or ${grown} or ${now}`);
}

/** Growth in all of the time that the dashboard shows, restarts of Floatie included. */
export function growthInRange(
  ...[metric, labels, matchers, always]: readonly [Metric, readonly string[], Matchers, string]
): string {
  return `sum_over_time(${growth(metric, labels, matchers, '$__interval', always)}[$__range:$__interval])`;
}

/**
 * Adds the label `container` for people: the pod and the container's name where they are known, else the beginning of
 * its id, else its cgroup.
 */
export function named(of: string): string {
  const steps = [
    ['$1', 'cgroup', '(.+)'],
    ['$1', 'container_id', '(.{12}).*'],
    ['$1', 'container_name', '(.+)'],
    ['$1', 'pod_and_name', '(.+/.+)'],
    ['all that did not fit', 'otel_metric_overflow', 'true'],
  ];
  return steps.reduce(
    (text, [value, source, pattern]) => `label_replace(${text}, "container", "${value}", "${source}", "${pattern}")`,
    `label_join(${of}, "pod_and_name", "/", "k8s_pod_name", "container_name")`,
  );
}
