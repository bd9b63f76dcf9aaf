/** The tables of docs/performance.md, from what `npm run bench -- --json docs/performance.json` wrote. */
import { readFileSync } from 'node:fs';
import { describeConditions } from '../bench/conditions.ts';
import type { Report } from '../bench/results.ts';
import { asMarkdown, durationsOf } from '../bench/tables.ts';

const RESULTS = new URL('../docs/performance.json', import.meta.url);

export function performanceTables(): string {
  const { conditions, parts } = JSON.parse(readFileSync(RESULTS, 'utf8')) as Report;
  const measured = `Measured on ${conditions.when.slice(0, 10)}: ${describeConditions(conditions)}. ${durationsOf(parts)}\n`;
  return [measured, ...parts.map(asMarkdown)].join('\n').trimEnd();
}
