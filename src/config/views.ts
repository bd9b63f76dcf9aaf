/** Checks the views of the configuration, key by key. */

import { bounds } from '../settings/bounds.ts';
import { anyText, integer, listOf, nothing, oneOf, section, text, textMatching, texts } from '../settings/shapes.ts';
import { selectedBy, sharedNames } from './selection.ts';
import type { ViewConfig } from './view.ts';

/** Problems between views; each begins with `views`. */
export function viewProblems(given: readonly ViewConfig[]): string[] {
  return sharedNames(given).map(
    (name) =>
      `views: two metrics would be "${name}" in Prometheus, or one beside its own; give one another stream.name`,
  );
}

const attributeNames = texts('a list of attribute names', anyText);

const form = section(
  {
    selector: section({ instrument_name: text }, ['instrument_name']),
    stream: section({
      // In Prometheus dots become underscores, and no other character changes: so no colons, and no two underscores.
      name: textMatching(
        /^(?!.*[_.]{2})(?!_$)[A-Za-z_][A-Za-z0-9_.]*$/,
        'a metric name: letters, digits, dots and underscores, not beginning with a digit',
      ),
      description: text,
      unit: oneOf('s'),
      attribute_keys: section({ included: attributeNames, excluded: attributeNames }),
      aggregation: section({
        drop: nothing,
        explicit_bucket_histogram: section({ boundaries: bounds }, ['boundaries']),
      }),
      aggregation_cardinality_limit: integer(1),
    }),
  },
  ['selector', 'stream'],
);

export const views = listOf('a list of views', {
  json: form.json,
  problems(value, key) {
    const problems = form.problems(value, key);
    return problems.length > 0 ? problems : checkView(value as ViewConfig, key);
  },
});

function checkView(view: ViewConfig, key: string): string[] {
  const selected = selectedBy(view);
  const pattern = view.selector.instrument_name;
  if (selected.length === 0) return [`${key}.selector.instrument_name: no metric is called "${pattern}"`];
  if (view.stream.name !== undefined && selected.length > 1) {
    return [`${key}.stream.name: "${pattern}" selects ${selected.length} metrics, which cannot share one name`];
  }
  const { aggregation, unit } = view.stream;
  if (unit !== undefined && selected.some((metric) => metric.unit !== 'us')) {
    return [`${key}.stream.unit: "${pattern}" selects a metric that is not in microseconds`];
  }
  if (aggregation?.drop !== undefined && aggregation.explicit_bucket_histogram !== undefined) {
    return [`${key}.stream.aggregation: cannot both drop the metric and give it other buckets`];
  }
  if (aggregation?.explicit_bucket_histogram !== undefined && !selected.some(({ kind }) => kind === 'histogram')) {
    return [`${key}.stream.aggregation.explicit_bucket_histogram: "${pattern}" selects no histogram`];
  }
  return [];
}
