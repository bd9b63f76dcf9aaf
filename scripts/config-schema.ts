/** Writes config/floatie.schema.json, by which editors complete and check a configuration: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SchemaObj } from 'convict';
import { INSTANCE_TYPES, schema } from '../src/config/schema.ts';
import { type Spelling, spellings } from '../src/config/spellings.ts';
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
      ...mapValues(sections, (node, name) => nodeOf(node, name)),
      ...Object.fromEntries(withTypes.map(([name, types]) => [name, instancesOf(types)])),
    }),
    definitions: {
      variable: VARIABLE,
      ...Object.assign(
        {},
        ...withTypes.map(([name, types]) => mapValues(types, (node, type) => nodeOf(node, `${name}.${type}`))),
      ),
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

/** @param path of the node, such as `exporters.otlp` */
function nodeOf(node: unknown, path: string): JsonSchema {
  if (Object.hasOwn(node as Node, 'format')) return settingOf(node as SchemaObj);
  const own = mapValues(node as Node, (child, name) => nodeOf(child, `${path}.${name}`));
  return mappingOf({ ...own, ...spelledBelow(path, Object.keys(own)) });
}

/** Other ways to write the settings of a section; where they have a section of their own, that. */
function spelledBelow(path: string, known: readonly string[]): Node {
  const below = [...spellings.keys()].filter((key) => key.startsWith(`${path}.`));
  const names = new Set(below.map((key) => key.slice(path.length + 1).split('.')[0] ?? ''));
  const others = [...names].filter((name) => !known.includes(name));
  return Object.fromEntries(
    others.map((name) => {
      const spelling = spellings.get(`${path}.${name}`);
      return [name, spelling === undefined ? nodeOf({}, `${path}.${name}`) : spelledAs(spelling)];
    }),
  );
}

function spelledAs({ doc, json }: Spelling): JsonSchema {
  return { description: doc, anyOf: [json, { $ref: '#/definitions/variable' }, { type: 'null' }] };
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
