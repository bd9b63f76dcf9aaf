/** Writes docs/schemas, the JSON Schemas of the answers over HTTP: `npm run docs`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTAINERS } from '../src/history/schema.ts';
import { recordSchemas } from '../src/receivers/index.ts';
import { flatName } from '../src/records/encode.ts';
import { type Field, type Fields, isList } from '../src/records/schema.ts';

export const API_SCHEMAS = fileURLToPath(new URL('../docs/schemas', import.meta.url));

type JsonSchema = Readonly<Record<string, unknown>>;

/** The text of each file by its name. */
export function apiSchemas(): ReadonlyMap<string, string> {
  const lists = recordSchemas.map(({ path, title, fields }): [string, JsonSchema] => {
    const records = { type: 'array', description: 'The oldest first', items: objectOf(fields) };
    const answer = { type: 'object', properties: { records }, required: ['records'] };
    return [path.slice(1), { ...heading(`Records at ${path}: ${title}s`), ...answer }];
  });
  const all: [string, JsonSchema][] = [
    ...lists,
    ['containers', { ...heading('Containers at /api/v1/containers'), ...objectOf(CONTAINERS) }],
  ];
  return new Map(all.map(([name, schema]) => [`${name}.json`, `${JSON.stringify(schema, null, 2)}\n`]));
}

function heading(title: string): JsonSchema {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title };
}

function objectOf(fields: Fields): JsonSchema {
  const all = Object.entries(fields);
  return {
    type: 'object',
    properties: Object.fromEntries(all.map(([name, field]) => [flatName(name), schemaOf(field)])),
    required: all
      .filter(([, { absent, isPrivate }]) => absent === undefined && !isPrivate)
      .map(([name]) => flatName(name)),
  };
}

function schemaOf({ type, meaning, unit }: Field): JsonSchema {
  return { description: unit === undefined ? meaning : `${meaning} (${unit})`, ...typeOf(type) };
}

function typeOf(type: Field['type']): JsonSchema {
  if (type === 'numbers') return { type: 'array', items: { type: ['number', 'null'] } };
  if (typeof type === 'string') return { type };
  if (isList(type)) return { type: 'array', items: objectOf(type.each) };
  return 'of' in type ? objectOf(type.of) : { enum: type };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(API_SCHEMAS, { recursive: true });
  for (const [name, text] of apiSchemas()) writeFileSync(join(API_SCHEMAS, name), text);
}
