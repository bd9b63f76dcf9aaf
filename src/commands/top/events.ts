/** A line, or several, for each kill or slow operation. */
import { type Event, sentenceOf, timeOf } from '../../page/events.ts';
import { age } from '../../page/format.ts';
import { fullNameOf } from '../../page/names.ts';
import { fit, type Span, widthOf } from './text.ts';

const AGE_WIDTH = 8;
const NAME_WIDTH = 20;

export function eventLines(events: readonly Event[], nowMs: number, columns: number): Span[][] {
  if (events.length === 0) return [['None since the start.']];
  return [
    [{ text: `${fit('AGO', AGE_WIDTH)}${fit('CONTAINER', NAME_WIDTH)} WHAT`, style: 'bold' }],
    ...events.flatMap((event) => {
      const begin = `${fit(age(nowMs - timeOf(event)), AGE_WIDTH)}${fit(fullNameOf(event), NAME_WIDTH)} `;
      const texts = wrap(sentenceOf(event), Math.max(20, columns - begin.length));
      return texts.map((text, at): Span[] => [at === 0 ? begin : ' '.repeat(AGE_WIDTH + NAME_WIDTH + 1), text]);
    }),
  ];
}

/** At spaces; a word that is longer than a line is cut there. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
