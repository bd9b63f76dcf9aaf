/** Writes the tables that come from the code into the README, between their markers: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ioTable } from './io-table.ts';
import { metricsTables } from './metrics-table.ts';
import { privilegesTable } from './privileges-table.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const TABLES = { metrics: metricsTables, io: ioTable, privileges: privilegesTable } as const;

/** The README as it should be. Throws where it has no place for a table. */
export function readmeWithTables(readme = readFileSync(README, 'utf8')): string {
  let text = readme;
  for (const [name, table] of Object.entries(TABLES)) {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
    const [before, rest, ...more] = text.split(begin);
    const after = rest?.split(end);
    if (after?.length !== 2 || more.length > 0) throw new Error(`README.md lacks the markers of the table "${name}"`);
    text = `${before}${begin}${table()}\n${end}${after[1]}`;
  }
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(README, readmeWithTables());
