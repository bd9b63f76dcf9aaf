/** Writes the catalogue's metrics into the README, between its two markers: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kernelMetrics, type Metric, selfMetrics } from '../src/metrics/catalogue.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const SECTION = /(<!-- metrics -->\n)[\s\S]*?(<!-- \/metrics -->)/;

export function metricsSection(): string {
  return [
    ...table(Object.values(kernelMetrics)),
    '',
    'Of Floatie itself:',
    '',
    ...table(Object.values(selfMetrics)),
  ].join('\n');
}

/** The README as it should be. */
export function readmeWithMetrics(readme = readFileSync(README, 'utf8')): string {
  return readme.replace(SECTION, (_, begin: string, end: string) => `${begin}${metricsSection()}\n${end}`);
}

function table(metrics: readonly Metric[]): string[] {
  const rows = metrics.map(({ name, kind, description, attributes }) => {
    const keys = attributes.map((attribute) => `\`${attribute.name.replaceAll('.', '_')}\` (${attribute.meaning})`);
    return `| \`${name}\` | ${kind} | ${description} | ${keys.join('; ') || 'none'} |`;
  });
  return ['| metric | type | what it says | attributes |', '| --- | --- | --- | --- |', ...rows];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(README, readmeWithMetrics());
