/** Writes the generated tables between their markers in the README and the pages of docs/: `npm run docs`. */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foldersDrawing } from './folders-drawing.ts';
import { ioTable } from './io-table.ts';
import { metricsTables } from './metrics-table.ts';
import { operationsTable } from './operations-table.ts';
import { costOfRead, performanceTables } from './performance-tables.ts';
import { privilegesTable } from './privileges-table.ts';
import { apiTables, recordsTables } from './records-table.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const TABLES = {
  folders: foldersDrawing,
  metrics: metricsTables,
  records: recordsTables,
  api: apiTables,
  io: ioTable,
  operations: operationsTable,
  privileges: privilegesTable,
  performance: performanceTables,
  cost: costOfRead,
} as const;

/** The texts of the README and the pages of docs/ by path. */
type Pages = ReadonlyMap<string, string>;

export function readPages(): Pages {
  const paths = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })];
  return new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

/** The pages with current tables. Throws unless each table has its markers on exactly one page. */
export function pagesWithTables(pages = readPages()): Pages {
  const written = new Map(pages);
  for (const [name, table] of Object.entries(TABLES)) {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
    const [[path, text] = ['', ''], ...others] = [...written].filter(([, text]) => text.includes(begin));
    const [before, rest, ...more] = text.split(begin);
    const after = rest?.split(end);
    if (after?.length !== 2) throw new Error(`${path || 'Each page'} lacks the markers of the table "${name}"`);
    if (more.length + others.length > 0) throw new Error(`The table "${name}" has more than one place`);
    written.set(path, `${before}${begin}${table()}\n${end}${after[1]}`);
  }
  return written;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of pagesWithTables()) writeFileSync(join(ROOT, path), text);
}
