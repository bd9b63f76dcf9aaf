/**
 * Loads the configuration: defaults < OTEL_* < file < FLOATIE_* < flags. Finds all problems at once. OTEL_* are meant for
 * every program of the pod or the host: what the file says of Floatie is said on purpose.
 */
import convict, { type Schema, type SchemaObj } from 'convict';
import { type ConfigDocument, readDocument } from './document.ts';
import { exporterVariables, resourceVariables } from './environment.ts';
import { ConfigError } from './error.ts';
import { exponentialGridNs } from './exporters.ts';
import { typeOf } from './pipeline.ts';
import { processorProblems } from './processors.ts';
import { type Config, INSTANCE_TYPES, schema, shapeOf } from './schema.ts';
import { REDACTED, withoutPasswords } from './secrets.ts';
import { isRecord } from './shapes.ts';
import { readScalar } from './substitution.ts';
import { viewProblems } from './views.ts';

export { ConfigError } from './error.ts';

export interface Sources {
  /** A YAML file; undefined for none. */
  readonly file?: string | undefined;
  /** The process' own when left out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** `key=value` pairs, as after `--set`. */
  readonly set?: readonly string[];
  /** Flags that stand for one key each, such as `--max-map-entries`. */
  readonly flags?: readonly { readonly flag: string; readonly key: string; readonly value: string }[];
}

interface Given {
  readonly value: unknown;
  /** The value where what the environment put into it is a text: for settings that are texts. */
  readonly text?: unknown;
  /** Where it comes from, as the user would name it. */
  readonly origin: string;
  readonly placeOf?: ConfigDocument['placeOf'];
}

const PIPELINE = 'service.pipelines.metrics';

type Section = keyof typeof INSTANCE_TYPES;
const SECTIONS = Object.keys(INSTANCE_TYPES) as Section[];

const RESOURCE = 'service.telemetry.resource';

/** What Kubernetes puts into every container beside a Service that is called floatie. */
const KUBERNETES =
  /^FLOATIE_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** The keys that hold values, such as `exporters.prometheus.port`. */
export const keys: readonly string[] = leaves(schema as unknown as Record<string, unknown>);

/** `exporters.prometheus.port` → `FLOATIE_EXPORTERS_PROMETHEUS_PORT`. */
export function envName(key: string): string {
  return `FLOATIE_${key.replaceAll('.', '_').toUpperCase()}`;
}

/** @throws {@link ConfigError} with every problem found */
export function loadConfig({ file, env = process.env, set = [], flags = [] }: Sources = {}): Config {
  const problems: string[] = [];
  const values = new Map<string, Given>();
  const instances = new Set<string>();
  const document = file === undefined ? null : readDocument(file, env);
  if (document !== null) {
    problems.push(...document.problems);
    collect(document, values, instances, problems);
  }
  for (const key of keys) {
    const value = env[envName(key)];
    if (value !== undefined && value !== '') values.set(key, { value: scalar(value, key), origin: envName(key) });
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith('FLOATIE_') && !KUBERNETES.test(name) && !keys.some((key) => envName(key) === name)) {
      problems.push(`${name}: no setting has this environment variable${nearest(name, keys.map(envName))}`);
    }
  }
  for (const pair of set) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (key === '') problems.push(`--set ${pair}: must look like key=value`);
    else if (!keys.includes(templateOf(key))) problems.push(`--set ${key}: unknown key${nearest(key, keysLike(key))}`);
    else values.set(key, { value: scalar(value, key), origin: '--set' });
    addInstance(key, instances);
  }
  for (const { flag, key, value } of flags) values.set(key, { value: scalar(value, key), origin: flag });

  addResource(env, values, problems);

  const config = convict<Config>(schemaWith(instances), { args: [], env: {} });
  for (const [key, given] of values) problems.push(...apply(config, key, given));
  // Of exporters that are used: what the environment says to others is no problem here.
  const used = config
    .get(`${PIPELINE}.exporters`)
    .filter((name) => !name.includes('/') || instances.has(`exporters.${name}`));
  for (const { type, setting, value, origin } of exporterVariables(env)) {
    for (const name of used.filter((candidate) => typeOf(candidate) === type)) {
      const key = `exporters.${name}.${setting}`;
      if (!values.has(key)) problems.push(...apply(config, key, { value, origin }));
    }
  }
  problems.push(...checkPipeline(config, instances, values));
  problems.push(...checkViews(config, values.get('views')));
  // One that does not fit is at its default by now, which is not what was meant.
  if (!problems.some((problem) => problem.startsWith('processors.'))) problems.push(...checkProcessors(config, values));
  if (problems.length > 0) throw new ConfigError(problems);
  return structuredClone(config.getProperties()) as Config;
}

/** `exporters.otlp/eu.endpoint`: what has a name has the keys of its type. */
const INSTANCE = new RegExp(
  `^(${SECTIONS.map((section) => `${section}\\.(?:${INSTANCE_TYPES[section].join('|')})`).join('|')})/[A-Za-z0-9_-]+(?=\\.|$)`,
);

/** `exporters.otlp/eu.endpoint` → `exporters.otlp.endpoint`. */
function templateOf(key: string): string {
  return key.replace(INSTANCE, '$1');
}

/** All keys, those of its type with the name of what the key is of. */
function keysLike(key: string): readonly string[] {
  const [instance, type] = INSTANCE.exec(key) ?? [];
  return instance === undefined ? keys : keys.map((known) => known.replace(`${type}.`, `${instance}.`));
}

/** @param instances such as `exporters.otlp/eu` */
function addInstance(key: string, instances: Set<string>): void {
  const instance = INSTANCE.exec(key)?.[0];
  if (instance !== undefined) instances.add(instance);
}

function schemaWith(instances: ReadonlySet<string>): Schema<Config> {
  const all = schema as unknown as Record<string, Record<string, unknown>>;
  const sections = SECTIONS.map((section) => {
    const named = namesIn(section, instances).map((name) => [name, all[section]?.[typeOf(name)]]);
    return [section, { ...all[section], ...Object.fromEntries(named) }];
  });
  return { ...schema, ...Object.fromEntries(sections) } as Schema<Config>;
}

function namesIn(section: Section, instances: ReadonlySet<string>): string[] {
  return [...instances].flatMap((path) => (path.startsWith(`${section}.`) ? path.slice(section.length + 1) : []));
}

/** What the pipeline names must be defined; exporters with names must have somewhere to send to. */
function checkPipeline(
  config: convict.Config<Config>,
  instances: ReadonlySet<string>,
  values: ReadonlyMap<string, Given>,
): string[] {
  const undefineds = SECTIONS.flatMap((section) => {
    const key = `${PIPELINE}.${section}` as const;
    const defined = namesIn(section, instances);
    const unknown = config.get(key).filter((name) => name.includes('/') && !defined.includes(name));
    return unknown.map((name) => {
      const hint = nearest(name, defined) || `; define it below "${section}"`;
      return `${key}: "${name}" is not defined${hint} (from ${values.get(key)?.origin})`;
    });
  });
  const exporters = config.getProperties().exporters as unknown as Record<string, { endpoint?: string }>;
  const endless = config
    .get(`${PIPELINE}.exporters`)
    .filter((name) => name.includes('/') && exporters[name]?.endpoint === '')
    .map((name) => `exporters.${name}.endpoint: must not be empty, since ${PIPELINE}.exporters names it`);
  return [...undefineds, ...endless];
}

/** One value into convict; one that does not fit is left at its default. */
function apply(config: convict.Config<Config>, key: string, given: Given): string[] {
  const { value, text } = given;
  const setting = settingOf(key);
  const shape = shapeOf(setting);
  if (text !== undefined && shape.problems(text, key).length === 0) {
    config.set(key, text);
    return [];
  }
  if (value === null && text !== undefined) return []; // a variable that is not set
  const problems = shape.problems(value, key);
  if (problems.length === 0) config.set(key, value);
  return problems.map((problem) => {
    const isHere = problem.startsWith(`${key}: `) && !setting.sensitive;
    return placed(isHere ? `${problem}, not ${show(value)}` : problem, given);
  });
}

/** A problem with the line of its key, where that is known. */
function placed(problem: string, { origin, placeOf }: Pick<Given, 'origin' | 'placeOf'>): string {
  const path = problem.slice(0, problem.indexOf(': ')).split(/[.[\]]+/);
  return `${problem} (from ${placeOf?.(path) ?? origin})`;
}

function checkProcessors(config: convict.Config<Config>, values: ReadonlyMap<string, Given>): string[] {
  return processorProblems(config.getProperties()).map((problem) => {
    const given = values.get(problem.slice(0, problem.indexOf(': ')));
    return given === undefined ? problem : placed(problem, given);
  });
}

function checkViews(config: convict.Config<Config>, given: Given | undefined): string[] {
  const exponentialNs = exponentialGridNs(config.getProperties());
  const problems = viewProblems(config.get('views'), config.get('receivers.overlayfs.bounds_us'), exponentialNs);
  return problems.map((problem) => placed(problem, given ?? { origin: 'the defaults' }));
}

/** Attributes of OpenTelemetry's own variables, below those that are configured. */
function addResource(env: NonNullable<Sources['env']>, values: Map<string, Given>, problems: string[]): void {
  try {
    const attributes = resourceVariables(env);
    if (Object.keys(attributes).length === 0) return;
    const given = values.get(RESOURCE);
    if (given === undefined) values.set(RESOURCE, { value: attributes, origin: 'OTEL_RESOURCE_ATTRIBUTES' });
    else if (isRecord(given.value)) {
      const text = isRecord(given.text) ? { text: { ...attributes, ...given.text } } : {};
      values.set(RESOURCE, { ...given, value: { ...attributes, ...given.value }, ...text });
    }
  } catch (error) {
    problems.push((error as Error).message);
  }
}

/** As it may be shown: without the texts of settings that are sensitive, and without passwords in URLs. */
export function redact(config: Config): unknown {
  const visit = (node: unknown, path: readonly string[], isSecret: boolean): unknown => {
    if (typeof node === 'string') return isSecret ? REDACTED : withoutPasswords(node);
    if (!isRecord(node)) return node;
    const entries = Object.entries(node).map(([name, child]) => {
      const inner = [...path, name];
      return [name, visit(child, inner, isSecret || isSensitive(inner.join('.')))];
    });
    return Object.fromEntries(entries);
  };
  return visit(config, [], false);
}

/** The texts of settings that are sensitive, and the words in them: a header has its token behind a "Bearer". */
export function secretsOf(config: Config): string[] {
  const visit = (node: unknown, path: readonly string[], isSecret: boolean): string[] => {
    if (typeof node === 'string') return isSecret ? [node, ...node.split(' ')] : [];
    if (!isRecord(node)) return [];
    return Object.entries(node).flatMap(([name, child]) => {
      const inner = [...path, name];
      return visit(child, inner, isSecret || isSensitive(inner.join('.')));
    });
  };
  return visit(config, [], false).filter((text) => !/^(bearer|basic)?$/i.test(text));
}

function isSensitive(key: string): boolean {
  return keys.includes(templateOf(key)) && settingOf(key).sensitive === true;
}

/** A value as it would be written, shortened. */
function show(value: unknown): string {
  try {
    const text = withoutPasswords(JSON.stringify(value) ?? String(value));
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  } catch {
    return 'a value that holds itself';
  }
}

/** Takes the known keys out of a document; whatever is not known is a problem. */
function collect(
  { values: root, texts, placeOf }: ConfigDocument,
  values: Map<string, Given>,
  instances: Set<string>,
  problems: string[],
): void {
  const visit = (node: unknown, text: unknown, path: readonly string[]): void => {
    const key = path.join('.');
    const isUnset = node === null && text === null; // "key:" with nothing behind it keeps the default
    addInstance(key, instances);
    const template = templateOf(key);
    if (keys.includes(template)) {
      const asText = text === node ? {} : { text };
      if (!isUnset) values.set(key, { value: node, ...asText, origin: placeOf(path), placeOf });
    } else if (path.length > 0 && !keys.some((known) => known.startsWith(`${template}.`))) {
      problems.push(`${placeOf(path)}: ${key}: unknown key${nearest(key, keysLike(key))}`);
    } else if (isRecord(node)) {
      const inner = isRecord(text) ? text : node;
      for (const [name, child] of Object.entries(node)) {
        visit(child, Object.hasOwn(inner, name) ? inner[name] : child, [...path, name]);
      }
    } else if (node !== null) {
      problems.push(`${placeOf(path)}: ${key}: must be a section, not ${show(node)}`);
    }
  };
  visit(root, texts, []);
}

/** A text from a flag or the environment, read as YAML would: numbers, lists, mappings; `1,2,3` is a list as well. */
function scalar(text: string, key: string): unknown {
  const isList = Array.isArray(settingOf(key).default);
  if (!isList || text.trimStart().startsWith('[')) return readScalar(text);
  return readScalar(`[${text}]`);
}

function settingOf(key: string): SchemaObj {
  let node: unknown = schema;
  for (const part of templateOf(key).split('.')) node = (node as Record<string, unknown>)[part];
  return node as SchemaObj;
}

function leaves(node: Record<string, unknown>, path = ''): string[] {
  if (Object.hasOwn(node, 'format')) return [path];
  return Object.entries(node).flatMap(([name, child]) =>
    leaves(child as Record<string, unknown>, path === '' ? name : `${path}.${name}`),
  );
}

/** `; did you mean "…"?` for the known name that differs least, where one is near. */
export function nearest(name: string, known: readonly string[]): string {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, name.length / 4)
    ? `; did you mean "${best.candidate}"?`
    : '';
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
