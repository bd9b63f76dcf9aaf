/** What `floatie doctor` prints for people: a line for each check, and below it the cure. */
import { styleText } from 'node:util';
import type { Check } from '../../program/check.ts';

/** In characters; the rest of a reason is on further lines. */
const MAX_LINE = 120;
const VERDICT_WIDTH = 'unneeded'.length;
const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red', unneeded: 'dim', unknown: 'yellow' } as const;

/** A cure that several checks share is printed once, and none for what is not needed. */
export function render(checks: readonly Check[], hasColours: boolean): string {
  const told = new Set<string>();
  const width = Math.max(...checks.map(({ name }) => name.length));
  const indent = VERDICT_WIDTH + width + 4;
  return checks
    .map(({ name, verdict, reason, cure }) => {
      const word = verdict.padEnd(VERDICT_WIDTH);
      const shown = hasColours ? styleText(COLOURS[verdict], word, { validateStream: false }) : word;
      const line = `${shown}  ${name.padEnd(width)}  ${wrapped(reason, indent)}\n`;
      if (cure === undefined || verdict === 'unneeded' || (told.has(cure) && name !== 'start')) return line;
      told.add(cure);
      return `${line}${' '.repeat(indent)}→ ${wrapped(cure, indent + 2)}\n`;
    })
    .join('');
}

/** Broken between words; a word that is longer than a line stays whole. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || indent + line.length + 1 + word.length > MAX_LINE) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
