/** Every key that a configuration may have: those of settings, and other ways to write them. */
import { keys, siblingOf, templateOf } from './keys.ts';
import { nearest } from './nearest.ts';
import { spellings } from './spellings.ts';

export const writable: readonly string[] = [...keys, ...spellings.keys()];

/** The sections at the top. */
export const TOP: readonly string[] = [...new Set(keys.map((key) => key.split('.')[0] ?? ''))];

/** @param key may be of a named instance, as in `exporters.otlp/eu.interval` */
export function isKey(key: string): boolean {
  return writable.includes(templateOf(key));
}

export function isSection(key: string): boolean {
  return key === '' || writable.some((known) => known.startsWith(`${templateOf(key)}.`));
}

/** All keys; for a key of a named instance, those of its type carry its name. */
export function writableLike(key: string): readonly string[] {
  return writable.map((known) => siblingOf(key, known));
}

/** `; did you mean "exporters.prometheus"?`: of what is beside the key, else of all keys. */
export function hintFor(key: string): string {
  const known = writableLike(key);
  const above = key.slice(0, key.lastIndexOf('.') + 1);
  const beside = known.flatMap((one) => (one.startsWith(above) ? [one.slice(above.length).split('.')[0] ?? ''] : []));
  const last = key.slice(above.length);
  const [, name] = /"(.*)"/.exec(last.includes('/') ? '' : nearest(last, [...new Set(beside)])) ?? [];
  return name === undefined ? nearest(key, known) : `; did you mean "${above}${name}"?`;
}
