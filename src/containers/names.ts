/**
 * The names of containers, read from the files that runtimes write before a container starts. No socket and no process
 * of the container is asked.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../program/clock.ts';
import { listFolder, openFolder } from './foreign-files.ts';
import { type Identity, type IsTask, identify, isDefaultTask, type Names, type Runtime, userOf } from './identity.ts';
import { defined, type List, MAX_FOLDERS, READERS, type Reader, TASKS } from './name-readers.ts';
import {
  findPlaces,
  openFolderOf,
  PLACE_KINDS,
  type Place,
  type PlaceKind,
  type PlaceSettings,
  pathsOf,
} from './places.ts';
import { ReadBudget } from './read-budget.ts';

/** How soon places are searched again while a container has no name, in ms: a daemon may have started since. */
const REDISCOVER_MS = 60_000;
/** How long it is known at which paths there are folders, in ms: looking for all of them takes 1 ms. */
const PATHS_MS = 100;
/** How many containers keep the names that were read. */
const MAX_NAMED = 8192;

/** The kinds of files that know the containers of a runtime. */
const KINDS_OF: Readonly<Partial<Record<Runtime, readonly PlaceKind[]>>> = {
  docker: ['docker'],
  containerd: ['containerd'],
  'cri-o': ['storage'],
  podman: ['storage'],
};

/** The name by the id, for runtimes without such files. */
const NAME_OF: Readonly<Partial<Record<Runtime, (containerId: string) => string>>> = {
  lxc: (name) => name,
  'systemd-nspawn': (name) => name,
  nomad: (allocationAndTask) => allocationAndTask.replace(/^[^.]*\./, ''),
};

/** The files of this machine's runtimes. */
export class RuntimeFiles {
  readonly #settings: PlaceSettings;
  readonly #storageConf: string;
  #places: readonly Place[];
  #foundAtMs = monotonicMs();
  /** Where there are folders, by kind and user. */
  readonly #paths = new Map<string, readonly string[]>();
  #lookedAtMs = monotonicMs();
  /** The names that were read, by user and container; the oldest first. */
  readonly #named = new Map<string, { readonly names: Names; readonly readMs: number }>();
  readonly #budget = new ReadBudget();
  readonly #lists = new Map<string, List>();
  readonly #namespaces = new Map<string, { readonly changedMs: number; readonly names: ReadonlySet<string> }>();

  /** @param storageConf as {@link findPlaces} */
  constructor(settings: PlaceSettings, storageConf = '') {
    this.#settings = settings;
    this.#storageConf = storageConf;
    this.#places = findPlaces(settings, storageConf);
  }

  /**
   * {@link identify}, with names. A container keeps the names that it was first found with, and so do all cgroups in it:
   * series keep their labels, and whoever makes cgroups has no file read again.
   */
  identify(path: string | null, { withImage = true } = {}): Identity {
    const identity = identify(path, this.isTask);
    const { imageName, ...others } = this.#keptNamesOf(identity);
    const names = withImage && imageName !== undefined ? { ...others, imageName } : others;
    return hasAny(names) ? { ...identity, names } : identity;
  }

  #keptNamesOf(identity: Identity): Names {
    const { cgroup, containerId, runtime } = identity;
    if (containerId === undefined) return {};
    const key = `${userOf(cgroup)}:${runtime}:${containerId}`;
    const known = this.#named.get(key);
    const nowMs = monotonicMs();
    const isKept = known !== undefined && (hasAny(known.names) || nowMs - known.readMs < REDISCOVER_MS);
    const kept = isKept ? known : { names: this.namesOf(identity), readMs: nowMs };
    this.#named.delete(key);
    this.#named.set(key, kept);
    const [oldest] = this.#named.keys();
    if (this.#named.size > MAX_NAMED && oldest !== undefined) this.#named.delete(oldest);
    return kept.names;
  }

  /** Whether containerd has a container of this id. Called for every cgroup that could be one. */
  readonly isTask: IsTask = (namespace, id) => {
    if (isDefaultTask(namespace, id)) return true;
    return this.#places.some(({ kind, path }) => {
      if (kind !== 'containerd' || path.includes('*')) return false;
      const tasks = join(path, TASKS);
      return this.#namespacesIn(tasks).has(namespace) && existsSync(join(tasks, namespace, id));
    });
  };

  /** Namespaces are listed again only when the folder's modification time has changed. */
  #namespacesIn(tasks: string): ReadonlySet<string> {
    const changedMs = changedMsOf(tasks);
    if (changedMs === null) return new Set();
    const known = this.#namespaces.get(tasks);
    if (known?.changedMs === changedMs) return known.names;
    using folder = openFolder(tasks);
    const names = new Set(folder === null ? [] : listFolder(folder, MAX_FOLDERS));
    this.#namespaces.set(tasks, { changedMs, names });
    return names;
  }

  /** Unknown names are absent. */
  namesOf({ cgroup, containerId, runtime }: Identity): Names {
    if (containerId === undefined) return {};
    const nameOf = runtime === undefined ? undefined : NAME_OF[runtime];
    if (nameOf !== undefined) return { containerName: nameOf(containerId) };
    const kinds = runtime === undefined ? PLACE_KINDS : (KINDS_OF[runtime] ?? []);
    // An id that a user chose is never used as a file name. With containerd such an id is the name.
    if (!/^[0-9a-f]{64}$/.test(containerId)) return runtime === 'containerd' ? { containerName: containerId } : {};
    return this.#read(kinds, containerId, userOf(cgroup));
  }

  #read(kinds: readonly PlaceKind[], containerId: string, uid: number): Names {
    for (const kind of kinds) {
      const names: Names = Object.assign(
        {},
        ...READERS[kind].map((read) => this.#readBy(read, kind, containerId, uid)),
      );
      if (hasAny(names)) return names;
    }
    if (monotonicMs() - this.#foundAtMs < REDISCOVER_MS) return {};
    this.#foundAtMs = monotonicMs();
    this.#places = findPlaces(this.#settings, this.#storageConf);
    this.#paths.clear();
    return this.#read(kinds, containerId, uid);
  }

  #readBy(read: Reader, kind: PlaceKind, containerId: string, uid: number): Names {
    if (!this.#budget.allows(uid)) return {};
    const spend = (bytes: number): void => this.#budget.spend(uid, bytes);
    // A user could have any number of lists kept.
    const lists = uid === 0 ? this.#lists : null;
    let found: Names = {};
    for (const path of this.#pathsOf(kind, uid)) {
      using folder = openFolderOf(uid, path);
      if (folder === null) continue;
      found = { ...defined(read(Object.assign(folder, { spend, lists }), containerId)), ...found };
    }
    return found;
  }

  /** A thousand containers can be found at a time, and most kinds of runtimes are not there. */
  #pathsOf(kind: PlaceKind, uid: number): readonly string[] {
    const nowMs = monotonicMs();
    if (nowMs - this.#lookedAtMs >= PATHS_MS) {
      this.#paths.clear();
      this.#lookedAtMs = nowMs;
    }
    const key = `${kind} ${uid}`;
    const paths =
      this.#paths.get(key) ??
      this.#places.filter((place) => place.kind === kind).flatMap((place) => pathsOf(place, uid));
    this.#paths.set(key, paths);
    return paths;
  }
}

/** null where the file is missing or not permitted. */
function changedMsOf(path: string): number | null {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return null;
  }
}

function hasAny(names: Names): boolean {
  return Object.keys(names).length > 0;
}
