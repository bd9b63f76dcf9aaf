/** How many containers the runtimes' folders have, and which storage drivers they name. */
import { readdirSync } from 'node:fs';
import type { Folder } from './foreign-files.ts';
import { LISTS, TASKS } from './name-readers.ts';
import { allFoldersOf, type Place, type PlaceKind } from './places.ts';

export interface RuntimeFolder {
  readonly path: string;
  /** The number of containers, or the reason why it is unknown. */
  readonly count: number | string;
  readonly drivers: readonly string[];
}

/** Those that a place stands for and that are there. */
export function lookAt(place: Place): RuntimeFolder[] {
  return Array.from(allFoldersOf(place), (folder) => ({ path: folder.path, ...lookInto[place.kind](folder) }));
}

const lookInto: Readonly<Record<PlaceKind, (folder: Folder) => Pick<RuntimeFolder, 'count' | 'drivers'>>> = {
  docker: (folder) => ({ count: countIn(folder, 'containers'), drivers: subfolders(folder, 'image') }),
  containerd(folder) {
    const counts = subfolders(folder, TASKS).map((namespace) => countIn(folder, `${TASKS}/${namespace}`));
    return { count: counts.length === 0 ? countIn(folder, TASKS) : sum(counts), drivers: [] };
  },
  storage(folder) {
    const lists = subfolders(folder, '.').filter((name) => name.endsWith(LISTS));
    const counts = lists.map((name) => countIn(folder, name, /^[0-9a-f]{64}$/));
    return {
      count: lists.length === 0 ? countIn(folder, '.', /^$/) : sum(counts),
      drivers: lists.map((name) => name.slice(0, -LISTS.length)),
    };
  },
};

function countIn({ fd }: Folder, name: string, like = /^[^.]/): number | string {
  try {
    return readdirSync(`/proc/self/fd/${fd}/${name}`).filter((entry) => like.test(entry)).length;
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 0 : code;
  }
}

function subfolders({ fd }: Folder, name: string): string[] {
  try {
    return readdirSync(`/proc/self/fd/${fd}/${name}`);
  } catch {
    return [];
  }
}

function sum(counts: readonly (number | string)[]): number | string {
  return counts.find((count) => typeof count === 'string') ?? counts.reduce<number>((all, one) => all + Number(one), 0);
}
