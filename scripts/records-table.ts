/** The fields of records, as docs/records.md shows them. */
import { recordSchemas } from '../src/receivers/index.ts';
import { flatName, otlpName } from '../src/records/encode.ts';
import { type Field, type Fields, isList, type RecordSchema } from '../src/records/schema.ts';

export function recordsTables(): string {
  return recordSchemas.map(tablesOf).join('\n\n');
}

function tablesOf({ path, eventName, fields }: RecordSchema): string {
  const dotted = Object.entries(fields).filter(([name, field]) => otlpName(name, field) !== flatName(name));
  const parts = Object.entries<Field>(fields).flatMap(([name, { type }]) =>
    isList(type) ? ['', `Each of their \`${flatName(name)}\`:`, '', ...table(type.each)] : [],
  );
  return [
    `The records at \`${path}\`, over OTLP \`${eventName}\`:`,
    '',
    ...table(fields),
    '',
    `Over OTLP these have dots: ${dotted.map(([name, field]) => `\`${otlpName(name, field)}\``).join(', ')}.`,
    ...parts,
  ].join('\n');
}

/** Fields of which the same is said share a row. */
function table(fields: Fields): string[] {
  const rows = Map.groupBy(Object.entries(fields), ([, { meaning, type, unit, absent = 'never' }]) =>
    [unit ?? (isList(type) ? 'list' : typeof type === 'string' ? type : 'string'), meaning, absent].join(' | '),
  );
  const lines = Array.from(
    rows,
    ([row, same]) => `| ${same.map(([name]) => `\`${flatName(name)}\``).join(', ')} | ${row} |`,
  );
  return ['| field | type | meaning | absent where |', '| --- | --- | --- | --- |', ...lines];
}
