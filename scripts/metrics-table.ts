/** The catalogue's metrics as docs/metrics.md shows them. */
import { type Attribute, kernelMetrics, type Metric, ownerAttributes, selfMetrics } from '../src/metrics/catalogue.ts';

export function metricsTables(): string {
  return [
    ...table(Object.values(kernelMetrics)),
    '',
    `The owner: ${ownerAttributes.map(describe).join('; ')}.`,
    '',
    'Of Floatie itself:',
    '',
    ...table(Object.values(selfMetrics)),
  ].join('\n');
}

function table(metrics: readonly Metric[]): string[] {
  const rows = metrics.map(({ name, kind, description, attributes }) => {
    const owner = attributes.includes(ownerAttributes[0] as Attribute) ? ['the owner’s'] : [];
    const keys = [...attributes.filter((attribute) => !ownerAttributes.includes(attribute)).map(describe), ...owner];
    return `| \`${name}\` | ${kind} | ${description} | ${keys.join('; ') || 'none'} |`;
  });
  return ['| metric | type | what it says | attributes |', '| --- | --- | --- | --- |', ...rows];
}

function describe({ name, meaning }: Attribute): string {
  return `\`${name.replaceAll('.', '_')}\` (${meaning})`;
}
