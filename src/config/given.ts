/** Collects the values of each key from the file, the environment and the flags; the last one counts. */

import { withoutPasswords } from '../program/secrets.ts';
import { isRecord } from '../settings/shapes.ts';
import { MAX_TOLD, partsOf, show, showPath } from '../settings/show.ts';
import { type ConfigDocument, readDocument } from './document.ts';
import { type Env, resourceVariables } from './environment.ts';
import { foreignProblems } from './foreign.ts';
import { envName, INSTANCE, isSensitive, keys, keysLike, templateOf } from './keys.ts';
import { isOfKubernetes } from './kubernetes.ts';
import { nearest } from './nearest.ts';
import { readWritten } from './written.ts';

export interface Sources {
  /** A YAML file; undefined for none. */
  readonly file?: string | undefined;
  /** The process's environment by default. */
  readonly env?: Env | undefined;
  /** `key=value` pairs of `--set`. */
  readonly set?: readonly string[];
  /** Flags for one key, such as `--max-map-entries`. */
  readonly flags?: readonly { readonly flag: string; readonly key: string; readonly value: string }[];
}

export interface Given {
  readonly value: unknown;
  /** The value with its variables as texts, for settings that are texts. */
  readonly text?: unknown;
  /** The source of the value, for messages. */
  readonly origin: string;
  readonly placeOf?: ConfigDocument['placeOf'];
  /** Parts of the value that no message may show, since they come from variables. */
  readonly hidden?: readonly string[];
}

export interface Everything {
  /** By key. */
  readonly values: Map<string, Given>;
  /** Named instances, such as `exporters.otlp/eu`. */
  readonly instances: Set<string>;
  readonly problems: string[];
  readonly warnings: string[];
}

const TOP = [...new Set(keys.map((key) => key.split('.')[0] ?? ''))];
const RESOURCE = 'service.telemetry.resource';

export function collect({ file, set = [], flags = [] }: Sources, env: Env): Everything {
  const all: Everything = { values: new Map(), instances: new Set(), problems: [], warnings: [] };
  if (file !== undefined) collectFile(readDocument(file, env), all);
  collectVariables(env, all);
  for (const pair of set) collectPair(pair, all);
  for (const { flag, key, value } of flags) all.values.set(key, { value: readWritten(value, key), origin: flag });
  collectResource(env, all);
  return all;
}

/** Collects the known keys of a document; an unknown key is a problem. */
function collectFile(document: ConfigDocument, { values, instances, problems, warnings }: Everything): void {
  const { values: root, texts, placeOf, hidden } = document;
  const foreign = foreignProblems(root, TOP, 'configuration of Floatie', placeOf);
  if (foreign !== null) {
    problems.push(...foreign);
    return;
  }
  problems.push(...document.problems);
  warnings.push(...document.warnings);
  const isOfVariable = (node: unknown): boolean => partsOf(node).some((part) => hidden.includes(part));
  let unknown = 0;
  const visit = (node: unknown, text: unknown, path: readonly string[], shown: string, isHidden: boolean): void => {
    const key = path.join('.');
    const isUnset = node === null && text === null; // "key:" with nothing behind it keeps the default
    addInstance(key, instances);
    const template = templateOf(key);
    if (keys.includes(template)) {
      const ofVariable = { ...(text !== node && { text }), ...((isHidden || isOfVariable(node)) && { hidden }) };
      if (!isUnset) values.set(key, { value: node, ...ofVariable, origin: placeOf(path), placeOf });
    } else if (path.length > 0 && !keys.some((known) => known.startsWith(`${template}.`))) {
      const hint = shown === key ? nearest(key, keysLike(key)) : '';
      if (++unknown <= MAX_TOLD) problems.push(`${placeOf(path)}: ${shown}: unknown key${hint}`);
    } else if (isRecord(node)) {
      const [below, isBelowHidden] = isRecord(text) ? [text, isHidden] : [node, true];
      for (const [name, child] of Object.entries(node)) {
        const inner = [...path, name];
        const shownInner = isBelowHidden ? `${shown}.…` : showPath(inner);
        visit(child, Object.hasOwn(below, name) ? below[name] : child, inner, shownInner, isBelowHidden);
      }
    } else if (node !== null) {
      problems.push(
        `${placeOf(path)}: ${shown}: must be a section${isHidden || isOfVariable(node) ? '' : `, not ${show(node)}`}`,
      );
    }
  };
  visit(root, texts, [], '', false);
  if (unknown > MAX_TOLD) problems.push(`${placeOf([])}: and ${unknown - MAX_TOLD} more unknown keys`);
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

function collectPair(pair: string, { values, instances, problems, warnings }: Everything): void {
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
  if (key === '') problems.push(`--set ${pair}: must look like key=value`);
  else if (!keys.includes(templateOf(key))) problems.push(`--set ${key}: unknown key${nearest(key, keysLike(key))}`);
  else values.set(key, { value: readWritten(value, key), origin: '--set' });
  if (isSensitive(key) || withoutPasswords(value) !== value) {
    const cure = `write it into the file of --config, or there as a variable, $\{env:NAME}`;
    warnings.push(`--set ${key}: everybody on this machine can read the arguments of a process; ${cure}`);
  }
  addInstance(key, instances);
}

/** Resource attributes of OpenTelemetry's variables. Configured attributes override them. */
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
