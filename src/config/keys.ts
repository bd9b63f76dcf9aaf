/** The keys of the configuration and their settings. */
import type { SchemaObj } from 'convict';
import { INSTANCE_TYPES, schema } from './schema.ts';

export type Section = keyof typeof INSTANCE_TYPES;
export const SECTIONS = Object.keys(INSTANCE_TYPES) as Section[];

/** The keys of all settings, such as `exporters.prometheus.port`. */
export const keys: readonly string[] = leaves(schema as unknown as Record<string, unknown>);

/** `exporters.prometheus.port` → `FLOATIE_EXPORTERS_PROMETHEUS_PORT`. */
export function envName(key: string): string {
  return `FLOATIE_${key.replaceAll('.', '_').toUpperCase()}`;
}

/** `exporters.otlp/eu` at the start of a key: a named instance has the keys of its type. */
export const INSTANCE = new RegExp(
  `^(${SECTIONS.map((section) => `${section}\\.(?:${INSTANCE_TYPES[section].join('|')})`).join('|')})/[A-Za-z0-9_-]+(?=\\.|$)`,
);

/** `exporters.otlp/eu.endpoint` → `exporters.otlp.endpoint`. */
export function templateOf(key: string): string {
  return key.replace(INSTANCE, '$1');
}

/** `exporters.otlp.timeout_ms` beside a key of `exporters.otlp/eu` → `exporters.otlp/eu.timeout_ms`. */
export function siblingOf(key: string, template: string): string {
  const [instance, type] = INSTANCE.exec(key) ?? [];
  return instance === undefined ? template : template.replace(`${type}.`, `${instance}.`);
}

export function settingOf(key: string): SchemaObj {
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

export function isSensitive(key: string): boolean {
  return keys.includes(templateOf(key)) && settingOf(key).sensitive === true;
}
