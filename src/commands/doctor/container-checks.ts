/** Checks the sources of container names. */
import { findPlaces, type Place, type PlaceKind } from '../../containers/places.ts';
import { containerRoots } from '../../containers/roots.ts';
import { lookAt, type RuntimeFolder } from '../../containers/runtime-folders.ts';
import { type Finding, finding, ok } from '../../program/check.ts';
import type { Examination } from './examine.ts';

const RUNTIMES: Readonly<Record<PlaceKind, string>> = {
  docker: 'docker',
  containerd: 'containerd',
  storage: 'podman and cri-o',
};

const MOUNT_THEM =
  'name them in containers.places; in a container, mount them read-only at the same path; read them as root, or with CAP_DAC_READ_SEARCH';

export function names(kind: PlaceKind, { config }: Examination): Finding {
  const { names: isWanted, places } = config.containers;
  const all = findPlaces(places, config.inherited.storageConf);
  const here = all.filter((place) => place.kind === kind);
  const looks = here.map((place) => ({ place, folders: lookAt(place) }));
  const found = looks.flatMap(({ place, folders }) => folders.map((folder) => describe(place, folder)));
  const absent = looks.filter(({ folders }) => folders.length === 0).map(({ place }) => place.path);
  const parts = [...found, ...(absent.length === 0 ? [] : [`nothing at ${absent.join(', ')}`])];
  const reason = `${RUNTIMES[kind]}: ${parts.join('; ') || 'no place to look at'}`;
  const isRefused = looks.some(({ folders }) => folders.some(({ count }) => typeof count !== 'number'));
  if (isWanted === false) return finding('unneeded', `${reason} (containers.names is false: none of it is read)`);
  if (isRefused) return finding('warn', reason, MOUNT_THEM);
  if (found.length > 0) return ok(reason);
  // Most machines have one runtime: a missing one is a problem only where containers run and no runtime is found.
  const isAnyFound = all.some((place) => lookAt(place).length > 0);
  return isAnyFound || !areContainersHere() ? finding('unneeded', reason) : finding('warn', reason, MOUNT_THEM);
}

function areContainersHere(): boolean {
  const { seen, others, hidden } = containerRoots();
  return seen + others.size + hidden > 0;
}

function describe({ path: pattern, from }: Place, { path, count, drivers }: RuntimeFolder): string {
  const origin = from.startsWith('containers.places') || path !== pattern ? '' : `, named by ${from}`;
  const storage = drivers.length === 0 ? '' : `, storage driver ${drivers.join(', ')}`;
  const containers =
    typeof count === 'number' ? `${count} container${count === 1 ? '' : 's'}` : `cannot be read: ${count}`;
  return `${path} (${containers}${storage}${origin})`;
}
