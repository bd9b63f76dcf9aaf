/** HTML as text. What is put into a template is text, whatever is in it, unless it is HTML of another template. */

import { visible } from './visible.ts';

export class Html {
  readonly text: string;

  /** Only {@link html} calls it. */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type Part = string | number | Html | null | readonly Part[];

/** null is nothing; a list is its items without anything between them. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(literals.reduce((text, literal, at) => text + textOf(parts[at - 1] ?? null) + literal));
}

function textOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(textOf).join('');
  return escaped(visible(String(part)));
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
