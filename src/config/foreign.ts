/** Recognizes a file that is no configuration of Floatie, such as one of passwords, so that no message quotes it. */

import { isRecord } from '../settings/shapes.ts';
import { MAX_TOLD, showKey } from '../settings/show.ts';
import { nearest } from './nearest.ts';

/** @returns the problems of a document without any of the top-level keys; null where it has one, or is empty */
export function foreignProblems(
  values: unknown,
  known: readonly string[],
  what: string,
  placeOf: (path: readonly string[]) => string,
): string[] | null {
  const names = isRecord(values) ? Object.keys(values).map((name) => name.split('::')[0] ?? '') : [];
  if (names.length === 0 || names.some((name) => known.includes(name))) return null;
  const misspelt = names.slice(0, MAX_TOLD).flatMap((name) => {
    const hint = nearest(name, known);
    return hint === '' ? [] : [`${placeOf([name])}: ${showKey(name)}: unknown key${hint}`];
  });
  return misspelt.length > 0
    ? misspelt
    : [`${placeOf([])}: is no ${what}: it has none of the keys ${known.join(', ')}`];
}
