/** Which format a scraper gets. */
import type { Format } from './format.ts';
import { TEXT } from './text.ts';

/** @param accept the Accept header */
export function formatFor(_accept: string | undefined): Format {
  return TEXT;
}
