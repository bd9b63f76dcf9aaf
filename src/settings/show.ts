/** The parts of a configuration that a message may show. */
import { REDACTED, withoutPasswords } from '../program/secrets.ts';

/** A value as JSON, shortened. */
export function show(value: unknown): string {
  try {
    const text = withoutPasswords(JSON.stringify(value) ?? String(value));
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  } catch {
    return 'a value that holds itself';
  }
}

const WORD = '[A-Za-z]+\\d{0,2}';
/** Words with separators, then the name of an exporter or processor. */
const KEY = new RegExp(`^_*${WORD}([_.-]+${WORD})*_*(/[A-Za-z0-9_-]*)?$`);

/** A key, or `…` where it does not look like one: the file may be none of Floatie's, but one of passwords. */
export function showKey(key: string): string {
  return key.length <= 80 && KEY.test(key) ? key : '…';
}

export function showPath(path: readonly (string | number)[]): string {
  return path.map((key) => showKey(String(key))).join('.');
}

/** How many problems of one kind a message lists. */
export const MAX_TOLD = 20;

export function firstOf(problems: readonly string[], key: string): string[] {
  if (problems.length <= MAX_TOLD) return [...problems];
  return [...problems.slice(0, MAX_TOLD), `${key}: and ${problems.length - MAX_TOLD} more`];
}

/** Shorter texts are not redacted: the same characters occur in ordinary texts. */
const MIN_HIDDEN = 4;

/** Redacts the values of variables. @param hidden the values, and the texts and numbers that YAML reads in them */
export function withoutVariables(problem: string, hidden: readonly string[]): string {
  return hidden
    .filter(({ length }) => length >= MIN_HIDDEN)
    .reduce((text, part) => text.replaceAll(part, REDACTED), problem);
}

/** Every text and number in a value, the keys as well. */
export function partsOf(value: unknown): string[] {
  const parts = new Set<string>();
  try {
    JSON.stringify(value, (key, inner: unknown) => {
      parts.add(key);
      if (typeof inner === 'string' || typeof inner === 'number') parts.add(String(inner));
      return inner;
    });
  } catch {
    // A value that contains itself is never shown.
  }
  parts.delete('');
  return [...parts].sort((a, b) => b.length - a.length);
}
