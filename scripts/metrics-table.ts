/** The tables of metrics in docs/metrics.md, from the catalogue. */
import { type Attribute, type Metric, ownerAttributes, PROBE } from '../src/metrics/catalogue.ts';
import { measuredMetrics, ownMetrics, receiverNames } from '../src/receivers/index.ts';

export function metricsTables(): string {
  return [
    ...table(measuredMetrics),
    '',
    `The owner: ${ownerAttributes.map(describe).join('; ')}.`,
    '',
    'Of Floatie itself:',
    '',
    ...table(ownMetrics),
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

function describe(attribute: Attribute): string {
  const { name, meaning } = attribute;
  return `\`${name.replaceAll('.', '_')}\` (${attribute === PROBE ? `${meaning}: ${alternatives(receiverNames)}` : meaning})`;
}

/** `a`, `b` or `c`. */
function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  return [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].filter((part) => part !== '').join(' or ');
}
