/** Checks the actions of an `attributes` processor. */
import type { AttributeAction } from '../metrics/attribute-actions.ts';
import { labelName } from '../metrics/labels.ts';
import { anyText, listOf, oneOf, type Shape, section, shape } from '../settings/shapes.ts';

const attributeName = shape({ type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_.-]*$' }, (value) => {
  if (typeof value === 'string' && labelName(value) === labelName(OVERFLOW)) {
    return 'marks what did not fit, which no processor changes';
  }
  if (value === 'le' || value === 'quantile') return 'is a label that Prometheus keeps for histograms and summaries';
  if (typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_.-]*$/.test(value)) return null;
  return 'must be the name of an attribute: letters, digits, dots, underscores and hyphens, beginning with a letter';
});

const OVERFLOW = 'otel.metric.overflow';

const form = section(
  {
    key: attributeName,
    action: oneOf('insert', 'update', 'upsert', 'delete'),
    value: anyText,
    from_attribute: attributeName,
  },
  ['key', 'action'],
);

/** The `actions` of an `attributes` processor. */
export const actions: Shape = listOf('a list of actions, such as [{ key: cgroup, action: delete }]', {
  json: form.json,
  problems(value, key) {
    const problems = form.problems(value, key);
    if (problems.length > 0) return problems;
    const { action, ...rest } = value as AttributeAction;
    const given = ['value', 'from_attribute'].filter((name) => Object.hasOwn(rest, name));
    if (action === 'delete' ? given.length === 0 : given.length === 1) return [];
    return action === 'delete'
      ? [`${key}.${given[0]}: "delete" takes none`]
      : [`${key}: "${action}" needs either a value or a from_attribute`];
  },
});
