/** Collects what is said of each key by the file, the environment and the flags: the last to say something counts. */
import { type ConfigDocument, readDocument } from './document.ts';
import { type Env, resourceVariables } from './environment.ts';
import { envName, INSTANCE, keys, keysLike, templateOf } from './keys.ts';
import { isOfKubernetes } from './kubernetes.ts';
import { nearest } from './nearest.ts';
import { isRecord } from './shapes.ts';
import { show } from './show.ts';
import { readWritten } from './written.ts';

export interface Sources {
  /** A YAML file; undefined for none. */
  readonly file?: string | undefined;
  /** The process' own when left out. */
  readonly env?: Env | undefined;
  /** `key=value` pairs, as after `--set`. */
  readonly set?: readonly string[];
  /** Flags that stand for one key each, such as `--max-map-entries`. */
  readonly flags?: readonly { readonly flag: string; readonly key: string; readonly value: string }[];
}

export interface Given {
  readonly value: unknown;
  /** The value where what the environment put into it is a text: for settings that are texts. */
  readonly text?: unknown;
  /** Where it comes from, as the user would name it. */
  readonly origin: string;
  readonly placeOf?: ConfigDocument['placeOf'];
}

export interface Everything {
  /** By key. */
  readonly values: Map<string, Given>;
  /** What has a name, such as `exporters.otlp/eu`. */
  readonly instances: Set<string>;
  readonly problems: string[];
  readonly warnings: string[];
}

const RESOURCE = 'service.telemetry.resource';

export function collect({ file, env = process.env, set = [], flags = [] }: Sources): Everything {
  const all: Everything = { values: new Map(), instances: new Set(), problems: [], warnings: [] };
  if (file !== undefined) collectFile(readDocument(file, env), all);
  collectVariables(env, all);
  for (const pair of set) collectPair(pair, all);
  for (const { flag, key, value } of flags) all.values.set(key, { value: readWritten(value, key), origin: flag });
  collectResource(env, all);
  return all;
}

/** Takes the known keys out of a document; whatever is not known is a problem. */
function collectFile(document: ConfigDocument, { values, instances, problems, warnings }: Everything): void {
  const { values: root, texts, placeOf } = document;
  problems.push(...document.problems);
  warnings.push(...document.warnings);
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

function collectVariables(env: Env, { values, problems, warnings }: Everything): void {
  const names = new Map(keys.map((key) => [envName(key), key]));
  for (const [name, value = ''] of Object.entries(env)) {
    if (!name.startsWith('FLOATIE_')) continue;
    const key = names.get(name);
    if (isOfKubernetes(name, value)) {
      const hint = 'is ignored: by its value it is of a Service of Kubernetes, and no setting';
      if (key !== undefined) warnings.push(`${name}: ${hint}`);
    } else if (key === undefined) {
      problems.push(`${name}: no setting has this environment variable${nearest(name, [...names.keys()])}`);
    } else if (value !== '') {
      values.set(key, { value: readWritten(value, key), origin: name });
    }
  }
}

function collectPair(pair: string, { values, instances, problems }: Everything): void {
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
  if (key === '') problems.push(`--set ${pair}: must look like key=value`);
  else if (!keys.includes(templateOf(key))) problems.push(`--set ${key}: unknown key${nearest(key, keysLike(key))}`);
  else values.set(key, { value: readWritten(value, key), origin: '--set' });
  addInstance(key, instances);
}

/** Attributes of OpenTelemetry's own variables, below those that are configured. */
function collectResource(env: Env, { values, warnings }: Everything): void {
  const { attributes, warnings: unusable } = resourceVariables(env);
  warnings.push(...unusable);
  if (Object.keys(attributes).length === 0) return;
  const given = values.get(RESOURCE);
  if (given === undefined) values.set(RESOURCE, { value: attributes, origin: 'OTEL_RESOURCE_ATTRIBUTES' });
  else if (isRecord(given.value)) {
    const text = isRecord(given.text) ? { text: { ...attributes, ...given.text } } : {};
    values.set(RESOURCE, { ...given, value: { ...attributes, ...given.value }, ...text });
  }
}

/** @param instances such as `exporters.otlp/eu` */
function addInstance(key: string, instances: Set<string>): void {
  const instance = INSTANCE.exec(key)?.[0];
  if (instance !== undefined) instances.add(instance);
}
