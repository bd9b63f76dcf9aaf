/** What docs/performance.md and the README say of the costs, from what `npm run bench -- --json docs/performance.json` wrote. */
import { readFileSync } from 'node:fs';
import { describeConditions } from '../bench/conditions.ts';
import { OURS, type Report } from '../bench/results.ts';
import { asMarkdown, durationsOf, number } from '../bench/tables.ts';

const RESULTS = new URL('../docs/performance.json', import.meta.url);
const { conditions, parts } = JSON.parse(readFileSync(RESULTS, 'utf8')) as Report;
/** Until there was the part `calls`, reads and writes were the only operations. */
const ALONE = parts.some(({ name }) => name === 'calls') ? '' : ' while Floatie followed reads and writes alone';

export function performanceTables(): string {
  const when = conditions.when.slice(0, 10);
  const measured = `Measured on ${when}${ALONE}: ${describeConditions(conditions)}. ${durationsOf(parts)}\n`;
  return [measured, ...parts.map(asMarkdown)].join('\n').trimEnd();
}

/** The README's sentence. */
export function costOfRead(): string {
  const figures = parts.find(({ name }) => name === 'overhead')?.figures ?? [];
  const added = figures.find(({ what, of }) => of === OURS && what === 'pread of 1 cached byte on overlayfs: added');
  const share = added?.ratios.bpftrace;
  if (added === undefined || share === undefined) throw new Error('docs/performance.json lacks the cost of a read');
  return (
    `With it, a cached read on overlayfs takes ${number(added.median)} ns longer, ${Math.round(100 * share.median)} % of what ` +
    `\`bpftrace\` adds${ALONE && ` (measured${ALONE})`}: [what it costs](docs/performance.md).`
  );
}
