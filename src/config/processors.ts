/** Combines the processors in the pipeline, and checks them against each other. */
import type { Patterns } from '../containers/filter.ts';
import type { AttributeAction } from '../metrics/attribute-actions.ts';
import { applyActions } from '../metrics/attribute-actions.ts';
import type { Metric } from '../metrics/catalogue.ts';
import { labelName } from '../metrics/labels.ts';
import { allMetrics } from '../receivers/index.ts';
import { isWithin, overlap } from '../settings/wildcard.ts';
import { type Instance, instancesOf } from './pipeline.ts';
import type { Processors, ProcessorType, Settings } from './schema.ts';
import { selectedBy } from './selection.ts';
import type { ViewConfig } from './view.ts';

function processorsOf<T extends ProcessorType>({ processors, service }: Settings, type: T): Instance<Processors[T]>[] {
  return instancesOf(processors, service.pipelines.metrics.processors, type);
}

/** The combined actions on the attributes of every point. */
export function attributeActions(config: Settings): AttributeAction[] {
  return processorsOf(config, 'attributes').flatMap(({ settings }) => settings.actions);
}

/** The PID namespace to measure. */
export function pidNamespaceOf(config: Settings): number | 'self' {
  return pidNamespaces(config).at(0)?.value ?? 0;
}

/** The cgroup filters. A cgroup has to pass all of them. */
export function cgroupPatterns(config: Settings): Patterns[] {
  return patternSets(config).filter(({ include, exclude }) => include.length + exclude.length > 0);
}

/** Problems between processors; each begins with the key of a setting. */
export function processorProblems(config: Settings): string[] {
  return [
    ...idleProblems(config),
    ...pidNamespaceProblems(config),
    ...patternProblems(patternSets(config)),
    ...labelProblems(config.views, attributeActions(config)),
  ];
}

const PIPELINE = 'service.pipelines.metrics.processors';

function idleProblems(config: Settings): string[] {
  const attributes = processorsOf(config, 'attributes').filter(({ settings }) => settings.actions.length === 0);
  const filters = processorsOf(config, 'filter').filter(
    ({ settings: { cgroups, pid_ns_inum } }) =>
      cgroups.include.length + cgroups.exclude.length === 0 && pid_ns_inum === 0,
  );
  return [
    ...attributes.map(({ name }) => `processors.${name}.actions: must not be empty, since ${PIPELINE} names it`),
    ...filters.map(({ name }) => `${PIPELINE}: "${name}" has nothing to filter by`),
  ];
}

/** All configured PID namespaces; 0 stands for none. */
function pidNamespaces(config: Settings): { key: string; value: number | 'self' }[] {
  const filters = processorsOf(config, 'filter').map(({ name, settings }) => ({
    key: `processors.${name}.pid_ns_inum`,
    value: settings.pid_ns_inum,
  }));
  return [{ key: 'kernel.pid_ns_inum', value: config.kernel.pid_ns_inum }, ...filters].filter(
    ({ value }) => value !== 0,
  );
}

function pidNamespaceProblems(config: Settings): string[] {
  const [first, ...others] = pidNamespaces(config);
  return others
    .filter(({ value }) => value !== first?.value)
    .map(({ key, value }) => `${key}: ${value} contradicts ${first?.key}, which is ${first?.value}`);
}

interface PatternSet extends Patterns {
  readonly key: string;
}

function patternSets(config: Settings): PatternSet[] {
  const filters = processorsOf(config, 'filter').map(({ name, settings }) => ({
    key: `processors.${name}.cgroups`,
    ...settings.cgroups,
  }));
  return [{ key: 'containers', ...config.containers }, ...filters];
}

/** Problems of filters that together match no cgroup. */
function patternProblems(sets: readonly PatternSet[]): string[] {
  const excluded = sets.flatMap(({ exclude }) => exclude);
  const including = sets.filter(({ include }) => include.length > 0);
  return including.flatMap(({ key, include }, index) => {
    if (include.every((one) => excluded.some((other) => isWithin(one, other)))) {
      return [`${key}.include: has only cgroups that are excluded`];
    }
    const apart = including
      .slice(0, index)
      .find((other) => !include.some((one) => other.include.some((pattern) => overlap(one, pattern))));
    return apart === undefined ? [] : [`${key}.include: has no cgroup in common with ${apart.key}.include`];
  });
}

/** Problems of attributes that would be the same label in Prometheus, which makes every scrape invalid. */
function labelProblems(views: readonly ViewConfig[], actions: readonly AttributeAction[]): string[] {
  if (actions.length === 0) return [];
  const problems = allMetrics.flatMap((metric) =>
    keptBy(views, metric).flatMap((kept) => {
      const attributes = Object.keys(applyActions(Object.fromEntries(kept.map((name) => [name, ''])), actions));
      const labels = attributes.map(labelName);
      const last = new Map(labels.map((label, index) => [label, index]));
      return labels
        .filter((label, index) => last.get(label) !== index)
        .map((label) => `${PIPELINE}: two attributes of ${metric.name} would be the label "${label}"; delete one`);
    }),
  );
  return [...new Set(problems)];
}

/** The attributes of a metric that each of its views keeps; all without a view. */
function keptBy(views: readonly ViewConfig[], metric: Metric): string[][] {
  const names = metric.attributes.map(({ name }) => name);
  const selecting = views.filter((view) => selectedBy(view).includes(metric));
  if (selecting.length === 0) return [names];
  return selecting.map(({ stream: { attribute_keys: { included, excluded } = {} } }) =>
    names.filter((name) => (included?.includes(name) ?? true) && !excluded?.includes(name)),
  );
}
