/** Collects the values of each key from the file, the environment and the flags; the last one counts. */

import { withoutPasswords } from '../program/secrets.ts';
import { isRecord } from '../settings/shapes.ts';
import { collectDocument } from './collect-document.ts';
import { insteadOfPart } from './collector-keys.ts';
import { documentOf, readDocument } from './document.ts';
import { completeEndpoints } from './endpoints.ts';
import { type Env, resourceVariables } from './environment.ts';
import { type Everything, give, type Sources, type Written } from './given.ts';
import { envName, isSensitive, keys, templateOf } from './keys.ts';
import { isOfKubernetes } from './kubernetes.ts';
import { nearest } from './nearest.ts';
import { hintFor, isKey, writable } from './writable.ts';
import { readWritten } from './written.ts';

const RESOURCE = 'service.telemetry.resource';

export function collect({ file, texts = [], ignoredFiles = [], set = [], flags = [] }: Sources, env: Env): Everything {
  const all: Everything = { values: new Map(), instances: new Set(), problems: [], warnings: [] };
  for (const ignored of ignoredFiles) {
    all.warnings.push(`--config ${ignored}: is ignored: of several files the last one counts, ${file}`);
  }
  if (file !== undefined) collectDocument(readDocument(file, env), all);
  for (const { origin, text } of texts) collectDocument(documentOf(text, origin, env), all);
  collectVariables(env, all);
  for (const pair of set) collectPair(pair, all);
  for (const { flag, key, value } of flags) give(key, { value: taken(value, key), origin: flag }, all);
  collectResource(env, all);
  completeEndpoints(all);
  return all;
}

/** Other ways to write a setting take texts. */
function taken(text: string, key: string): unknown {
  return keys.includes(templateOf(key)) ? readWritten(text, key) : text;
}

function collectVariables(env: Env, all: Everything): void {
  const { problems, warnings } = all;
  const names = new Map(writable.map((key) => [envName(key), key]));
  const written: Written = new Map();
  for (const [name, value = ''] of Object.entries(env)) {
    if (!name.startsWith('FLOATIE_')) continue;
    const key = names.get(name);
    if (isOfKubernetes(name, value)) {
      const hint = 'is ignored: by its value it is of a Service of Kubernetes, and no setting';
      if (key !== undefined) warnings.push(`${name}: ${hint}`);
    } else if (key === undefined) {
      problems.push(`${name}: no setting has this environment variable${nearest(name, [...names.keys()])}`);
    } else if (value !== '') {
      give(key, { value: taken(value, key), origin: name }, all, written);
    }
  }
}

function collectPair(pair: string, all: Everything): void {
  const { problems, warnings } = all;
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
  const instead = insteadOfPart(key);
  if (key === '') problems.push(`--set ${pair}: must look like key=value`);
  else if (isKey(key)) give(key, { value: taken(value, key), origin: '--set' }, all);
  else if (instead === null) problems.push(`--set ${key}: unknown key${hintFor(key)}`);
  else if (instead.isProblem) problems.push(`--set ${key}: unknown key; ${instead.sentence}`);
  else warnings.push(`--set ${key}: is ignored: ${instead.sentence}`);
  if (isSensitive(key) || withoutPasswords(value) !== value) {
    const cure = `write it into the file of --config, or there as a variable, $\{env:NAME}`;
    warnings.push(`--set ${key}: everybody on this machine can read the arguments of a process; ${cure}`);
  }
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
