/** Checks the sources of container names, and whether the running containers are on overlayfs. */
import { readdirSync } from 'node:fs';
import type { Folder } from '../../containers/foreign-files.ts';
import { LISTS, TASKS } from '../../containers/names.ts';
import { allFoldersOf, findPlaces, type Place, type PlaceKind } from '../../containers/places.ts';
import { containerRoots } from '../../containers/roots.ts';
import { type Finding, finding, ok } from './check.ts';
import type { Examination } from './examine.ts';

const RUNTIMES: Readonly<Record<PlaceKind, string>> = {
  docker: 'docker',
  containerd: 'containerd',
  storage: 'podman and cri-o',
};

/** The storage drivers of docker, podman and cri-o that mount overlayfs. */
const OVERLAY_DRIVERS = ['overlay', 'overlay2', 'overlayfs'];

const MOUNT_THEM =
  'name them in containers.places; in a container, mount them read-only at the same path; read them as root, or with CAP_DAC_READ_SEARCH';

export function names(kind: PlaceKind, { config }: Examination): Finding {
  const { names: isWanted, places } = config.containers;
  const here = findPlaces(places).filter((place) => place.kind === kind);
  const looks = here.map((place) => ({ place, folders: look(place) }));
  const found = looks.flatMap(({ place, folders }) => folders.map((folder) => describe(place, folder)));
  const absent = looks.filter(({ folders }) => folders.length === 0).map(({ place }) => place.path);
  const parts = [...found, ...(absent.length === 0 ? [] : [`nothing at ${absent.join(', ')}`])];
  const reason = `${RUNTIMES[kind]}: ${parts.join('; ') || 'no place to look at'}`;
  const isRefused = looks.some(({ folders }) => folders.some(({ count }) => typeof count !== 'number'));
  if (!isWanted) return finding('unneeded', `${reason} (containers.names is false: none of it is read)`);
  if (isRefused) return finding('warn', reason, MOUNT_THEM);
  if (found.length > 0) return ok(reason);
  // Most machines have one runtime: a missing one is a problem only where no runtime is found.
  const isAnyFound = findPlaces(places).some((place) => look(place).length > 0);
  return isAnyFound ? finding('unneeded', reason) : finding('warn', reason, MOUNT_THEM);
}

interface Look {
  readonly path: string;
  /** The number of containers, or the reason why it is unknown. */
  readonly count: number | string;
  readonly drivers: readonly string[];
}

function look(place: Place): Look[] {
  return Array.from(allFoldersOf(place), (folder) => ({ path: folder.path, ...lookInto[place.kind](folder) }));
}

const lookInto: Readonly<Record<PlaceKind, (folder: Folder) => Pick<Look, 'count' | 'drivers'>>> = {
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

function describe({ path: pattern, from }: Place, { path, count, drivers }: Look): string {
  const origin = from.startsWith('containers.places') || path !== pattern ? '' : `, named by ${from}`;
  const storage = drivers.length === 0 ? '' : `, storage driver ${drivers.join(', ')}`;
  const containers =
    typeof count === 'number' ? `${count} container${count === 1 ? '' : 's'}` : `cannot be read: ${count}`;
  return `${path} (${containers}${storage}${origin})`;
}

/** The root filesystems of running containers and of the configured storage drivers. */
export function storageDrivers({ config }: Examination): Finding {
  const { seen, others, hidden } = containerRoots();
  const idle = findPlaces(config.containers.places).flatMap((place) =>
    look(place).flatMap(({ path, drivers }) => {
      const isElsewhere = drivers.length > 0 && !drivers.some((name) => OVERLAY_DRIVERS.includes(name));
      return isElsewhere ? [`${path} has the storage driver ${drivers.join(', ')}`] : [];
    }),
  );
  const running = [...others].map(([type, count]) => `${count} on ${type}`);
  const notLooked = hidden === 0 ? [] : [`${hidden} cannot be looked at without CAP_SYS_PTRACE`];
  if (seen + hidden + others.size + idle.length === 0) return ok('no container runs');
  const told = [`${seen} containers that run are on overlayfs`, ...running, ...idle, ...notLooked].join('; ');
  if (running.length + idle.length === 0) return hidden > 0 && seen === 0 ? finding('unknown', told) : ok(told);
  const isWanted = config.service.pipelines.metrics.receivers.includes('overlayfs');
  return finding(
    isWanted ? 'warn' : 'unneeded',
    `${told}: nothing that these do with files of their image is seen by the overlayfs receiver`,
    'use the storage driver overlay2 (docker) or overlay (podman, cri-o), the snapshotter overlayfs (containerd); without root: Linux 5.13 or later, and no mount_program = "fuse-overlayfs"',
  );
}

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
