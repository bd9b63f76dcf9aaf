/** The catalogue's metrics as the README shows them. */
import { kernelMetrics, type Metric, selfMetrics } from '../src/metrics/catalogue.ts';

export function metricsTables(): string {
  return [
    ...table(Object.values(kernelMetrics)),
    '',
    'Of Floatie itself:',
    '',
    ...table(Object.values(selfMetrics)),
  ].join('\n');
}

function table(metrics: readonly Metric[]): string[] {
  const rows = metrics.map(({ name, kind, description, attributes }) => {
    const keys = attributes.map((attribute) => `\`${attribute.name.replaceAll('.', '_')}\` (${attribute.meaning})`);
    return `| \`${name}\` | ${kind} | ${description} | ${keys.join('; ') || 'none'} |`;
  });
  return ['| metric | type | what it says | attributes |', '| --- | --- | --- | --- |', ...rows];
}
