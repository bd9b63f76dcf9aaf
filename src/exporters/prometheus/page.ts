/** The page at `/`, for people, and what it loads. */
import type { Containers } from '../../history/schema.ts';
import { document, SECURITY_POLICY } from '../../page/document.ts';
import type { Event } from '../../page/events.ts';
import { view } from '../../page/view.ts';
import { wallMs } from '../../program/clock.ts';
import type { Readiness } from '../../program/health.ts';
import { readPackaged } from '../../program/packaged.ts';
import { flatten } from '../../records/encode.ts';
import type { TypedRecord } from '../../records/schema.ts';

export const PAGE_HEADERS = { 'content-security-policy': SECURITY_POLICY, 'referrer-policy': 'no-referrer' };

/** Files that the page loads, by their path: setup.sh bundles them. */
const FILES = {
  '/page.js': { file: 'dist/page/browser.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { file: 'dist/page/page.css', type: 'text/css; charset=utf-8' },
} as const;

/** Records that a page shows at once; the script asks for more. */
const MAX_RECORDS = 20;

/** @param lists the records by the path that lists them, oldest first */
export function page(
  readiness: Readiness,
  lists: ReadonlyMap<string, readonly TypedRecord[]>,
  answer: Containers | null,
): string {
  const events = new Map(
    [...lists].map(([path, records]): [string, Event[]] => [path, records.slice(-MAX_RECORDS).map(flatten)]),
  );
  const route = { container: null, sort: 'worst', filter: '' } as const;
  const content = view({ answer, events, readiness, route, nowMs: wallMs(), isLive: false });
  return document(content, [...(answer === null ? [] : ['/api/v1/containers']), ...lists.keys(), '/readyz']);
}

/** Read once. Throws where Floatie was not built. */
export function pageFile(path: keyof typeof FILES): { readonly content: string; readonly type: string } {
  const { file, type } = FILES[path];
  const content = read.get(path) ?? readPackaged(file);
  read.set(path, content);
  return { content, type };
}

const read = new Map<string, string>();
