/** Writes config/floatie.schema.json, by which editors complete and check a configuration: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SchemaObj } from 'convict';
import { INSTANCE_TYPES, schema } from '../src/config/schema.ts';
import { shapeOf } from '../src/settings/setting.ts';
import { isRecord, type JsonSchema } from '../src/settings/shapes.ts';

export const CONFIG_SCHEMA = fileURLToPath(new URL('../config/floatie.schema.json', import.meta.url));

type Node = Readonly<Record<string, unknown>>;

export function configSchemaJson(): string {
  const sections = schema as unknown as Record<string, Node>;
  const withTypes = Object.keys(INSTANCE_TYPES).map((name): [string, Node] => [name, sections[name] ?? {}]);
  const root = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: "Floatie's configuration",
    ...mappingOf({
      ...mapValues(sections, nodeOf),
      ...Object.fromEntries(withTypes.map(([name, types]) => [name, instancesOf(types)])),
    }),
    definitions: {
      variable: VARIABLE,
      ...Object.assign({}, ...withTypes.map(([, types]) => mapValues(types, nodeOf))),
    },
  };
  return `${JSON.stringify(root, null, 2)}\n`;
}

/** A text with a variable, whose value only Floatie knows. */
const VARIABLE: JsonSchema = {
  description: `A variable, such as \${env:NAME} or \${env:NAME:-default}`,
  type: 'string',
  pattern: '\\$\\{(env:)?[A-Za-z_][A-Za-z0-9_]*(:-|\\})',
};

/** Each type, and named instances of it. */
function instancesOf(types: Node): JsonSchema {
  const all = mapValues(types, (_, type) => ({ $ref: `#/definitions/${type}` }));
  const named = Object.entries(all).map(([type, definition]) => [`^${type}/[A-Za-z0-9_-]+$`, definition]);
  return { ...mappingOf(all), patternProperties: Object.fromEntries(named) };
}

function nodeOf(node: unknown): JsonSchema {
  const isSetting = Object.hasOwn(node as Node, 'format');
  return isSetting ? settingOf(node as SchemaObj) : mappingOf(mapValues(node as Node, nodeOf));
}

/** A section, or null: an empty "key:" keeps the defaults. */
function mappingOf(properties: Node): JsonSchema {
  return { type: ['object', 'null'], properties, additionalProperties: false };
}

function settingOf(setting: SchemaObj): JsonSchema {
  const json = orVariable(shapeOf(setting).json);
  const anyOf = Array.isArray(json.anyOf) ? json.anyOf : [json];
  return { description: setting.doc, default: setting.default, anyOf: [...anyOf, { type: 'null' }] };
}

/** Allows a variable for a value and each value inside; texts need that only where they have a pattern. */
function orVariable(json: JsonSchema): JsonSchema {
  const { items, properties, additionalProperties: others } = json;
  const inner = {
    ...json,
    ...(isRecord(items) && { items: orVariable(items) }),
    ...(isRecord(others) && { additionalProperties: orVariable(others) }),
    ...(isRecord(properties) && { properties: mapValues(properties, (child) => orVariable(child as JsonSchema)) }),
  };
  if (json.type === 'string' && json.pattern === undefined) return inner;
  return { anyOf: [...(Array.isArray(json.anyOf) ? json.anyOf : [inner]), { $ref: '#/definitions/variable' }] };
}

function mapValues<T>(record: Node, map: (value: unknown, name: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CONFIG_SCHEMA, configSchemaJson());
