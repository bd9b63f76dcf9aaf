/** Loads the configuration: defaults < file < environment < flags. Finds all problems at once. */
import { readFileSync, statSync } from 'node:fs';
import convict, { type SchemaObj } from 'convict';
import { isMap, isScalar, parseDocument } from 'yaml';
import { exponentialBoundsNs } from '../metrics/exponential.ts';
import { exponentialOf } from './exponential.ts';
import { type Config, isRecord, schema, settingProblem } from './schema.ts';
import { viewProblems } from './views.ts';

/** The configuration cannot be used. Every problem names its key, what is wrong and what would be right. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export interface Sources {
  /** A YAML file; undefined for none. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `key=value` pairs, as after `--set`. */
  readonly set: readonly string[];
  /** Flags that stand for one key each, such as `--max-map-entries`. */
  readonly flags?: readonly { readonly flag: string; readonly key: string; readonly value: string }[];
}

interface Given {
  readonly value: unknown;
  /** Where it comes from, as the user would name it. */
  readonly origin: string;
}

const MAX_FILE_BYTES = 1 << 20;

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
export function loadConfig({ file, env, set, flags = [] }: Sources): Config {
  const problems: string[] = [];
  const values = new Map<string, Given>();
  if (file !== undefined) collect(readYaml(file), file, values, problems);
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
    else if (!keys.includes(key)) problems.push(`--set ${key}: unknown key${nearest(key, keys)}`);
    else values.set(key, { value: scalar(value, key), origin: '--set' });
  }
  for (const { flag, key, value } of flags) values.set(key, { value: scalar(value, key), origin: flag });

  const config = convict<Config>(schema, { args: [], env: {} });
  for (const [key, given] of values) problems.push(...apply(config, key, given));
  // As given: convict's copy would hide a key called __proto__.
  const views = (values.get('views')?.value ?? []) as unknown[];
  if (problems.length === 0) {
    const exponential = exponentialOf(config.getProperties());
    const exponentialNs = exponential === undefined ? [] : exponentialBoundsNs(exponential.maxScale);
    problems.push(...viewProblems(views, config.get('receivers.overlayfs.bounds_us'), exponentialNs));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return structuredClone(config.getProperties()) as Config;
}

/** One value into convict; one that does not fit is left at its default. */
function apply(config: convict.Config<Config>, key: string, { value, origin }: Given): string[] {
  const problem = settingProblem(settingOf(key), value);
  if (problem !== null) return [`${key}: ${problem}, not ${show(value)} (from ${origin})`];
  config.set(key, value);
  return [];
}

/** A value as it would be written, shortened. */
function show(value: unknown): string {
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  } catch {
    return 'a value that holds itself';
  }
}

function readYaml(file: string): unknown {
  let text: string;
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB');
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read: ${(error as Error).message}`]);
  }
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ message }) => `${file}: ${message.split('\n')[0]?.replace(/:$/, '')}`),
    );
  }
  const { contents } = document;
  const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
  if (!isEmpty && !isMap(contents)) {
    throw new ConfigError([`${file}: must hold sections such as "receivers:" and "exporters:"`]);
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]);
  }
}

/** Takes the known keys out of a document; whatever is not known is a problem. */
function collect(document: unknown, file: string, values: Map<string, Given>, problems: string[]): void {
  const visit = (node: unknown, path: string | null): void => {
    if (path !== null && keys.includes(path)) {
      if (node !== null) values.set(path, { value: node, origin: file }); // "key:" with nothing behind it keeps the default
      return;
    }
    if (path !== null && !keys.some((key) => key.startsWith(`${path}.`))) {
      problems.push(`${file}: ${path}: unknown key${nearest(path, keys)}`);
    } else if (isRecord(node)) {
      for (const [name, child] of Object.entries(node)) visit(child, path === null ? name : `${path}.${name}`);
    } else if (node !== null) {
      problems.push(`${file}: ${path}: must be a section, not ${show(node)}`);
    }
  };
  visit(document, null);
}

/** A text from a flag or the environment, read as YAML would: numbers, lists, mappings; `1,2,3` is a list as well. */
function scalar(text: string, key: string): unknown {
  const isList = Array.isArray(settingOf(key).default);
  const document = parseDocument(isList && !text.trimStart().startsWith('[') ? `[${text}]` : text);
  if (document.errors.length > 0) return text;
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return text; // an alias of nothing
  }
}

function settingOf(key: string): SchemaObj {
  let node: unknown = schema;
  for (const part of key.split('.')) node = (node as Record<string, unknown>)[part];
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
