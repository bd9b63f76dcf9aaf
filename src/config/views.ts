/** Checks the views of the configuration, key by key. */
import { MAX_BOUNDS, toNs, unionOfBounds } from '../metrics/buckets.ts';
import { selectedBy, sharedNames } from '../metrics/selection.ts';
import { boundsProblem, isRecord, type ViewConfig } from './schema.ts';

type Check = (value: unknown, key: string) => string[];

/** What Prometheus takes as it is: a colon or a double underscore would be changed on the way. */
const NAME = /^(?!.*__)[A-Za-z_][A-Za-z0-9_]*$/;

/** All problems of the `views` list, each beginning with its key. */
export function viewProblems(
  views: readonly unknown[],
  boundsUs: readonly number[] = [],
  exponentialNs: readonly number[] = [],
): string[] {
  const problems = views.flatMap((view, index) => checkView(view, `views[${index}]`));
  if (problems.length > 0) return problems;
  const valid = views as readonly ViewConfig[];
  const shared = sharedNames(valid).map(
    (name) => `views: two of them export "${name}"; give one a stream.name of its own`,
  );
  const asked = valid.map(({ stream }) => stream.aggregation?.explicit_bucket_histogram?.boundaries ?? []);
  const grid = unionOfBounds([exponentialNs, ...[boundsUs, ...asked].map((set) => set.map(toNs))]);
  if (grid.length <= MAX_BOUNDS) return shared;
  return [
    ...shared,
    `views: they, receivers.overlayfs.bounds_us and exponential histograms ask for ${grid.length} different bounds; the kernel counts on ${MAX_BOUNDS} at most`,
  ];
}

const text: Check = (value, key) => (typeof value === 'string' && value !== '' ? [] : [`${key}: must be a text`]);

const texts: Check = (value, key) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? []
    : [`${key}: must be a list of attribute names`];

const metricName: Check = (value, key) =>
  typeof value === 'string' && NAME.test(value)
    ? []
    : [`${key}: must be a metric name: letters, digits and underscores, not beginning with a digit`];

const limit: Check = (value, key) =>
  Number.isInteger(value) && (value as number) >= 1 ? [] : [`${key}: must be a whole number from 1 on`];

const boundaries: Check = (value, key) => {
  const problem = boundsProblem(value);
  return problem === null ? [] : [`${key}: ${problem}`];
};

/** OpenTelemetry writes `drop:` with nothing behind it, or with an empty mapping. */
const nothing: Check = (value, key) =>
  value === null || (isRecord(value) && Object.keys(value).length === 0) ? [] : [`${key}: must have nothing in it`];

/** A mapping that may have these keys and no others. */
function section(keys: Record<string, Check>, required: readonly string[] = []): Check {
  return (value, key) => {
    if (!isRecord(value)) return [`${key}: must be a mapping with ${Object.keys(keys).join(', ') || 'nothing in it'}`];
    const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${key}.${name}: is missing`);
    const present = Object.entries(value).flatMap(([name, child]) => {
      const check = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (check !== undefined) return check(child, `${key}.${name}`);
      return [`${key}.${name}: unknown key; known here: ${Object.keys(keys).join(', ')}`];
    });
    return [...missing, ...present];
  };
}

const shape = section(
  {
    selector: section({ instrument_name: text }, ['instrument_name']),
    stream: section({
      name: metricName,
      description: text,
      attribute_keys: section({ included: texts, excluded: texts }),
      aggregation: section({
        drop: nothing,
        explicit_bucket_histogram: section({ boundaries }, ['boundaries']),
      }),
      aggregation_cardinality_limit: limit,
    }),
  },
  ['selector', 'stream'],
);

function checkView(value: unknown, key: string): string[] {
  const problems = shape(value, key);
  if (problems.length > 0) return problems;
  const view = value as ViewConfig;
  const selected = selectedBy(view);
  const pattern = view.selector.instrument_name;
  if (selected.length === 0) return [`${key}.selector.instrument_name: no metric is called "${pattern}"`];
  if (view.stream.name !== undefined && selected.length > 1) {
    return [`${key}.stream.name: "${pattern}" selects ${selected.length} metrics, which cannot share one name`];
  }
  const { aggregation } = view.stream;
  if (aggregation?.drop !== undefined && aggregation.explicit_bucket_histogram !== undefined) {
    return [`${key}.stream.aggregation: cannot both drop the metric and give it other buckets`];
  }
  if (aggregation?.explicit_bucket_histogram !== undefined && !selected.some(({ kind }) => kind === 'histogram')) {
    return [`${key}.stream.aggregation.explicit_bucket_histogram: "${pattern}" selects no histogram`];
  }
  return [];
}
