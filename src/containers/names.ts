/**
 * The names of containers, read from the files that runtimes write before a container starts. No socket and no process
 * of the container is asked.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '../program/clock.ts';
import { type Folder, listFolder, openBelow, openFolder, readFileIn } from './foreign-files.ts';
import { type Identity, type IsTask, identify, isDefaultTask, type Names, type Runtime, userOf } from './identity.ts';
import { findPlaces, foldersOf, PLACE_KINDS, type Place, type PlaceKind, type PlaceSettings } from './places.ts';

/** The largest configuration of a container that is read; real ones have some dozens of kB. */
const MAX_CONFIG_BYTES = 1 << 20;
/** The largest list of containers of cri-o and podman that is read. */
const MAX_LIST_BYTES = 1 << 23;
/** The longest name in Kubernetes; longer names are cut. */
const MAX_NAME = 253;
/** How many namespaces of containerd, and folders of cri-o and podman, are searched. */
const MAX_FOLDERS = 100;
/** How soon places are searched again while a container has no name, in ms: a daemon may have started since. */
const REDISCOVER_MS = 60_000;

/** Below containerd's state. */
export const TASKS = 'io.containerd.runtime.v2.task';
/** Below the root of cri-o and podman, for each storage driver: `overlay-containers`. */
export const LISTS = '-containers';

type Found = { -readonly [Key in keyof Names]: Names[Key] | undefined };
type Json = Readonly<Record<string, unknown>>;

type Reader = (place: Folder, containerId: string) => Found;

/** Later readers of a kind override earlier ones. */
const READERS: Readonly<Record<PlaceKind, readonly Reader[]>> = {
  docker: [fromDocker],
  containerd: [fromContainerd],
  storage: [fromLists, fromBundle],
};

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
  readonly #namespaces = new Map<string, { readonly changedMs: number; readonly names: ReadonlySet<string> }>();

  /** @param storageConf as {@link findPlaces} */
  constructor(settings: PlaceSettings, storageConf = '') {
    this.#settings = settings;
    this.#storageConf = storageConf;
    this.#places = findPlaces(settings, storageConf);
  }

  /** {@link identify}, with names. */
  identify(path: string | null): Identity {
    const identity = identify(path, this.isTask);
    const names = this.namesOf(identity);
    return Object.keys(names).length === 0 ? identity : { ...identity, names };
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
      if (Object.keys(names).length > 0) return names;
    }
    if (monotonicMs() - this.#foundAtMs < REDISCOVER_MS) return {};
    this.#foundAtMs = monotonicMs();
    this.#places = findPlaces(this.#settings, this.#storageConf);
    return this.#read(kinds, containerId, uid);
  }

  #readBy(read: Reader, kind: PlaceKind, containerId: string, uid: number): Names {
    const places = this.#places.filter((place) => place.kind === kind);
    let found: Names = {};
    for (const place of places) {
      for (const folder of foldersOf(place, uid)) found = { ...defined(read(folder, containerId)), ...found };
    }
    return found;
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

/** config.v2.json; with `userns-remap` in a folder named after user and group. */
function fromDocker(root: Folder, containerId: string): Found {
  const remapped = listFolder(root, MAX_FOLDERS).filter((name) => /^\d+\.\d+$/.test(name));
  const paths = [[], ...remapped.map((name) => [name])];
  const found = paths.map((path) => readJson(root, [...path, 'containers', containerId, 'config.v2.json']));
  const container = found.find((json) => json !== null);
  const config = record(container?.Config);
  const labels = record(config?.Labels);
  return {
    containerName: text(labels?.['io.kubernetes.container.name']) ?? text(container?.Name)?.replace(/^\//, ''),
    imageName: image(config?.Image),
    podName: text(labels?.['io.kubernetes.pod.name']),
    podNamespace: text(labels?.['io.kubernetes.pod.namespace']),
  };
}

/** The bundle's config.json, in a folder for each namespace of containerd. */
function fromContainerd(state: Folder, containerId: string): Found {
  using tasks = openBelow(state, TASKS);
  for (const namespace of tasks === null ? [] : listFolder(tasks, MAX_FOLDERS)) {
    const bundle = readJson(state, [TASKS, namespace, containerId, 'config.json']);
    if (bundle === null) continue;
    const annotations = record(bundle.annotations);
    return {
      containerName: text(annotations?.['io.kubernetes.cri.container-name']) ?? text(annotations?.['nerdctl/name']),
      imageName: image(annotations?.['io.kubernetes.cri.image-name']),
      podName: text(annotations?.['io.kubernetes.cri.sandbox-name']),
      podNamespace: text(annotations?.['io.kubernetes.cri.sandbox-namespace']),
    };
  }
  return {};
}

/** The lists of containers of cri-o and podman: one for each storage driver, in folders such as overlay-containers. */
function fromLists(root: Folder, containerId: string): Found {
  const found = containersFoldersIn(root).flatMap((folder) =>
    ['containers.json', 'volatile-containers.json'].map((file) => fromList(root, [folder, file], containerId)),
  );
  return Object.assign({}, ...found.reverse());
}

/** The bundle's config.json as cri-o writes it. */
function fromBundle(root: Folder, containerId: string): Found {
  const bundles = containersFoldersIn(root).map((folder) =>
    readJson(root, [folder, containerId, 'userdata', 'config.json']),
  );
  const annotations = record(bundles.find((bundle) => bundle !== null)?.annotations);
  return {
    containerName: text(annotations?.['io.kubernetes.container.name']),
    imageName: image(annotations?.['io.kubernetes.cri-o.ImageName']),
    podName: text(annotations?.['io.kubernetes.pod.name']),
    podNamespace: text(annotations?.['io.kubernetes.pod.namespace']),
  };
}

function containersFoldersIn(root: Folder): string[] {
  return listFolder(root, MAX_FOLDERS).filter((name) => name.endsWith(LISTS));
}

function fromList(root: Folder, path: readonly string[], containerId: string): Names {
  const list = parse(read(root, path, MAX_LIST_BYTES));
  const container = Array.isArray(list) ? list.map(record).find((entry) => entry?.id === containerId) : undefined;
  const metadata = record(parse(text(container?.metadata, Number.POSITIVE_INFINITY) ?? null));
  return defined({ containerName: text(metadata?.name), imageName: image(metadata?.['image-name']) });
}

function defined(found: Found): Names {
  return Object.fromEntries(Object.entries(found).filter(([, name]) => name !== undefined));
}

/** `registry:5000/web:1.2@sha256:…` → `registry:5000/web` */
function image(value: unknown): string | undefined {
  return text(value)
    ?.replace(/@.*$/, '')
    .replace(/:[^:/]*$/, '');
}

/** Names may be chosen by anybody. */
function text(value: unknown, limit = MAX_NAME): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return value.slice(0, limit).toWellFormed();
}

function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function readJson(root: Folder, path: readonly string[]): Json | null {
  return record(parse(read(root, path, MAX_CONFIG_BYTES))) ?? null;
}

function read(root: Folder, path: readonly string[], limit: number): string | null {
  using folder = openBelow(root, ...path.slice(0, -1));
  return folder === null ? null : readFileIn(folder, path.at(-1) ?? '', limit);
}

function parse(json: string | null): unknown {
  try {
    return json === null ? null : JSON.parse(json);
  } catch {
    return null;
  }
}
