/** What the page shows, as the part of its address behind `#`: so back, reload and bookmarks work. */
import { isSort, type Sort } from './rows.ts';

export interface Route {
  /** The id of the container that is shown; null: all of them. */
  readonly container: string | null;
  readonly sort: Sort;
  readonly filter: string;
}

export function routeIn(hash: string): Route {
  const words = new URLSearchParams(hash.replace(/^#/, ''));
  const sort = words.get('sort');
  return { container: words.get('container'), sort: isSort(sort) ? sort : 'worst', filter: words.get('filter') ?? '' };
}

export function hashOf({ container, sort, filter }: Route): string {
  const words = new URLSearchParams();
  if (container !== null) words.set('container', container);
  if (sort !== 'worst') words.set('sort', sort);
  if (filter !== '') words.set('filter', filter);
  return `#${words}`;
}
