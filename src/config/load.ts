/**
 * Loads the configuration: defaults < OTEL_* < file < FLOATIE_* < flags. Finds all problems at once. The file overrides
 * OTEL_*, because those variables are set for every program of the pod or the host.
 */
import { isDeepStrictEqual } from 'node:util';
import convict, { type Schema } from 'convict';
import { shapeOf } from '../settings/setting.ts';
import { MAX_TOLD, show, withoutVariables } from '../settings/show.ts';
import { boundsProblems } from './bounds.ts';
import { collect } from './collect.ts';
import { type Env, exporterVariables, switchWarnings } from './environment.ts';
import { ConfigError } from './error.ts';
import { exportersOf } from './exporters.ts';
import type { Everything, Given, Sources } from './given.ts';
import { ignoredVariableWarnings } from './ignored-variables.ts';
import { inheritedFrom } from './inherited.ts';
import { SECTIONS, type Section, settingOf } from './keys.ts';
import { nearest } from './nearest.ts';
import { otlpWarnings, typeFrom } from './otlp-variables.ts';
import { typeOf } from './pipeline.ts';
import { processorProblems } from './processors.ts';
import { resourceWarnings } from './resource.ts';
import { type Config, type Settings, schema } from './schema.ts';
import { viewProblems } from './views.ts';
import { readWritten } from './written.ts';

export { ConfigError } from './error.ts';
export type { Sources } from './given.ts';

export interface Loaded {
  readonly config: Config;
  /** Values that are ignored without being errors; each warning names its variable or key. */
  readonly warnings: readonly string[];
}

const PIPELINE = 'service.pipelines.metrics';
const EXPORTERS = `${PIPELINE}.exporters` as const;

/**
 * @param onWarning called for each ignored value, such as an unusable variable of OpenTelemetry
 * @throws {@link ConfigError} with every problem found
 */
export function loadConfig(sources: Sources = {}, onWarning: (warning: string) => void = () => undefined): Config {
  const { config, warnings } = load(sources);
  for (const warning of warnings) onWarning(warning);
  return config;
}

/** @throws {@link ConfigError} with every problem found */
export function load(sources: Sources): Loaded {
  const { env = process.env } = sources;
  const all = collect(sources, env);
  const { values, instances, problems, warnings } = all;
  chooseExporters(env, values);
  const config = convict<Settings>(schemaWith(instances), { args: [], env: {} });
  for (const [key, given] of values) problems.push(...apply(config, key, given));
  warnings.push(...applyVariables(config, env, all));
  problems.push(...checkPipeline(config, instances, values));
  problems.push(...checkViews(config, values.get('views')));
  // An invalid setting has its default by now, so checks between processors would mislead.
  if (!problems.some((problem) => problem.startsWith('processors.'))) problems.push(...checkProcessors(config, values));
  if (problems.length > 0) throw new ConfigError(problems);
  const inherited = inheritedFrom(env);
  const loaded: Config = { ...structuredClone(config.getProperties()), inherited };
  const otlp = [...exportersOf(loaded, 'otlp'), ...exportersOf(loaded, 'otlphttp')];
  const { resource } = loaded.service.telemetry;
  warnings.push(...switchWarnings(env), ...otlpWarnings(env, otlp), ...resourceWarnings(resource, inherited.nodeName));
  warnings.push(...ignoredVariableWarnings(env, loaded));
  return { config: loaded, warnings };
}

/** OTEL_EXPORTER_OTLP_PROTOCOL chooses between otlp and otlphttp where nothing else does. */
function chooseExporters(env: Env, values: Map<string, Given>): void {
  const type = typeFrom(env);
  if (type === undefined || values.has(EXPORTERS)) return;
  const isChosen = [...values].some(
    ([key, { value }]) => key.startsWith('exporters.otlp.') && !isDeepStrictEqual(value, settingOf(key).default),
  );
  if (!isChosen) values.set(EXPORTERS, { value: ['prometheus', type], origin: 'OTEL_EXPORTER_OTLP_PROTOCOL' });
}

/** Applies OpenTelemetry's variables to the exporters in the pipeline. @returns warnings about unusable values */
function applyVariables(config: convict.Config<Settings>, env: Env, { values, instances }: Everything): string[] {
  const used = config.get(EXPORTERS).filter((name) => !name.includes('/') || instances.has(`exporters.${name}`));
  const unusable = used.flatMap((exporter) => {
    const done = new Set<string>();
    return exporterVariables(env, typeOf(exporter)).flatMap(({ setting, name, text }) => {
      const key = `exporters.${exporter}.${setting}`;
      if (values.has(key) || done.has(setting)) return [];
      const value = readWritten(text, key);
      const problems = shapeOf(settingOf(key)).problems(value, name);
      if (problems.length > 0) return problems.map((problem) => problem.replace(': ', ': is ignored: it '));
      config.set(key, value);
      done.add(setting);
      return [];
    });
  });
  return [...new Set(unusable)];
}

function schemaWith(instances: ReadonlySet<string>): Schema<Settings> {
  const all = schema as unknown as Record<string, Record<string, unknown>>;
  const sections = SECTIONS.map((section) => {
    const named = namesIn(section, instances).map((name) => [name, all[section]?.[typeOf(name)]]);
    return [section, { ...all[section], ...Object.fromEntries(named) }];
  });
  return { ...schema, ...Object.fromEntries(sections) } as Schema<Settings>;
}

function namesIn(section: Section, instances: ReadonlySet<string>): string[] {
  return [...instances].flatMap((path) => (path.startsWith(`${section}.`) ? path.slice(section.length + 1) : []));
}

/** Checks that the pipeline's instances are defined, and that named exporters have an endpoint. */
function checkPipeline(
  config: convict.Config<Settings>,
  instances: ReadonlySet<string>,
  values: ReadonlyMap<string, Given>,
): string[] {
  const undefineds = SECTIONS.flatMap((section) => {
    const key = `${PIPELINE}.${section}` as const;
    const defined = namesIn(section, instances);
    const unknown = config.get(key).filter((name) => name.includes('/') && !defined.includes(name));
    return unknown.map((name) => {
      const hint = nearest(name, defined) || `; define it below "${section}"`;
      const { origin, hidden = [] } = values.get(key) ?? { origin: 'the defaults' };
      return `${withoutVariables(`${key}: "${name}" is not defined${hint}`, hidden)} (from ${origin})`;
    });
  });
  const exporters = config.getProperties().exporters as unknown as Record<string, { endpoint?: string }>;
  const endless = config
    .get(`${PIPELINE}.exporters`)
    .filter((name) => name.includes('/') && exporters[name]?.endpoint === '')
    .map((name) => `exporters.${name}.endpoint: must not be empty, since ${PIPELINE}.exporters names it`);
  return [...undefineds, ...endless];
}

/** Sets a value; an invalid one leaves the default. */
function apply(config: convict.Config<Settings>, key: string, given: Given): string[] {
  const { value, text } = given;
  const setting = settingOf(key);
  const shape = shapeOf(setting);
  if (text !== undefined && shape.problems(text, key).length === 0) {
    config.set(key, text);
    return [];
  }
  if (value === null && text !== undefined) return []; // the variable is not set
  const problems = shape.problems(value, key);
  if (problems.length === 0) config.set(key, value);
  const isShown = !setting.sensitive && given.hidden === undefined && !given.origin.startsWith('FLOATIE_');
  const told = problems.slice(0, MAX_TOLD).map((problem) => {
    const isHere = problem.startsWith(`${key}: `) && isShown;
    return placed(isHere ? `${problem}, not ${show(value)}` : problem, given);
  });
  return problems.length > MAX_TOLD ? [...told, `${key}: and ${problems.length - MAX_TOLD} more`] : told;
}

/** Adds the line of the key to a problem, where it is known. */
function placed(problem: string, { origin, placeOf, hidden = [] }: Omit<Given, 'value'>): string {
  const path = problem.slice(0, problem.indexOf(': ')).split(/[.[\]]+/);
  return `${withoutVariables(problem, hidden)} (from ${placeOf?.(path) ?? origin})`;
}

function checkProcessors(config: convict.Config<Settings>, values: ReadonlyMap<string, Given>): string[] {
  return processorProblems(config.getProperties()).map((problem) => {
    const given = values.get(problem.slice(0, problem.indexOf(': ')));
    return given === undefined ? problem : placed(problem, given);
  });
}

function checkViews(config: convict.Config<Settings>, given: Given | undefined): string[] {
  const problems = [...viewProblems(config.get('views')), ...boundsProblems(config.getProperties())];
  return problems.map((problem) => placed(problem, given ?? { origin: 'the defaults' }));
}
