/** Lines of a terminal: texts of a given width, with or without colors. */
import { visible } from '../../page/visible.ts';

export type Style = 'plain' | 'bad' | 'warn' | 'good' | 'faint' | 'bold' | 'reverse';

/** A text of any length, and its style. */
export type Span = string | { readonly text: string; readonly style: Style };

/** Select Graphic Rendition: ECMA-48 8.3.117 */
const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  bad: '1;31',
  warn: '33',
  good: '32',
  faint: '2',
  bold: '1',
  reverse: '7',
};

/**
 * One line of a terminal, cut to the width.
 *
 * @param hasColors without them there is no escape sequence
 */
export function line(spans: readonly Span[], width: number, hasColors: boolean): string {
  let left = width;
  return spans
    .map((span) => {
      const { text, style } = typeof span === 'string' ? { text: span, style: 'plain' as const } : span;
      const cut = cutTo(visible(text), left);
      left -= widthOf(cut);
      return hasColors && style !== 'plain' && cut !== '' ? `\u001b[${CODES[style]}m${cut}\u001b[0m` : cut;
    })
    .join('');
}

/** Pads or cuts. @param side where the text stands */
export function fit(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const cut = cutTo(visible(text), width);
  const space = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return side === 'left' ? cut + space : space + cut;
}

/** What is cut off ends with `~`. */
function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let taken = 0;
  for (const character of text) {
    taken += widthOf(character);
    if (taken > width - 1) break;
    cut += character;
  }
  return width > 0 ? `${cut}~` : '';
}

/** Columns that a terminal takes: marks stand above another character, East Asian ones and emoji take two. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

const MARK = /^[\p{M}\u200b-\u200f]$/u;
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u;
