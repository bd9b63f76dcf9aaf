/** The fields of records and of the answers of the API, as docs/ shows them. */
import { CONTAINERS } from '../src/history/schema.ts';
import { recordSchemas } from '../src/receivers/index.ts';
import { flatName, otlpName } from '../src/records/encode.ts';
import { type Field, type Fields, isList, type RecordSchema } from '../src/records/schema.ts';

export function recordsTables(): string {
  return recordSchemas.map(tablesOf).join('\n\n');
}

export function apiTables(): string {
  return ['The answer:', '', ...table(CONTAINERS), ...parts(CONTAINERS)].join('\n');
}

function tablesOf({ path, eventName, fields }: RecordSchema): string {
  const dotted = Object.entries(fields).filter(([name, field]) => otlpName(name, field) !== flatName(name));
  return [
    `The records at \`${path}\`, over OTLP \`${eventName}\`:`,
    '',
    ...table(fields),
    '',
    `Over OTLP these have dots: ${dotted.map(([name, field]) => `\`${otlpName(name, field)}\``).join(', ')}.`,
    ...parts(fields),
  ].join('\n');
}

/**
 * The fields of parts, once for those that are the same.
 *
 * @param path of the part that has these fields, with a dot behind it
 */
function parts(fields: Fields, path = ''): string[] {
  const same = Map.groupBy(
    Object.entries(fields).filter(([, { type }]) => partOf(type) !== null),
    ([, { type }]) => partOf(type),
  );
  return Array.from(same, ([part, all]) => {
    const names = all.map(([name]) => `\`${path}${flatName(name)}\``).join(', ');
    const isEach = all.some(([, { type }]) => isList(type));
    return [
      '',
      isEach ? `Each of their ${names}:` : `Their ${names}:`,
      '',
      ...table(part ?? {}),
      ...parts(part ?? {}, `${path}${flatName(all[0]?.[0] ?? '')}.`),
    ];
  }).flat();
}

function partOf(type: Field['type']): Fields | null {
  if (isList(type)) return type.each;
  return typeof type === 'object' && 'of' in type ? type.of : null;
}

/** Fields of which the same is said share a row. */
function table(fields: Fields): string[] {
  const rows = Map.groupBy(Object.entries(fields), ([, { meaning, type, unit, absent = 'never' }]) =>
    [typeName(type, unit), meaning, absent].join(' | '),
  );
  const lines = Array.from(
    rows,
    ([row, same]) => `| ${same.map(([name]) => `\`${flatName(name)}\``).join(', ')} | ${row} |`,
  );
  return ['| field | type | meaning | absent where |', '| --- | --- | --- | --- |', ...lines];
}

function typeName(type: Field['type'], unit: Field['unit']): string {
  if (type === 'numbers') return unit === undefined ? 'numbers' : `numbers, ${unit}`;
  if (unit !== undefined) return unit;
  if (isList(type)) return 'list';
  if (partOf(type) !== null) return 'object';
  return typeof type === 'string' ? type : 'string';
}
