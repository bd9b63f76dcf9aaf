/** Reads the names of a container in the files of each runtime. */
import { type Folder, listFolder, openBelow, readFileIn, stampOf } from './foreign-files.ts';
import type { Names } from './identity.ts';
import type { PlaceKind } from './places.ts';

/** The largest configuration of a container that is read; real ones have some dozens of kB. */
const MAX_CONFIG_BYTES = 1 << 20;
/** The largest list of containers of cri-o and podman that is read. */
const MAX_LIST_BYTES = 1 << 23;
/** The longest name in Kubernetes; longer names are cut. */
const MAX_NAME = 253;
/** How many namespaces of containerd, and folders of cri-o and podman, are searched. */
export const MAX_FOLDERS = 100;

/** Below containerd's state. */
export const TASKS = 'io.containerd.runtime.v2.task';
/** Below the root of cri-o and podman, for each storage driver: `overlay-containers`. */
export const LISTS = '-containers';

type Found = { -readonly [Key in keyof Names]: Names[Key] | undefined };
type Json = Readonly<Record<string, unknown>>;

/** A folder of a runtime. */
export interface Source extends Folder {
  /** Counts what is read. */
  readonly spend: (bytes: number) => void;
  readonly path: string;
  /** The lists of containers that were read, by path: each is read again when it has changed. null: each time. */
  readonly lists: Map<string, List> | null;
}

/** Names by container. */
export interface List {
  readonly stamp: string | null;
  readonly names: ReadonlyMap<string, Names>;
}

export type Reader = (place: Source, containerId: string) => Found;

/** Later readers of a kind override earlier ones. */
export const READERS: Readonly<Record<PlaceKind, readonly Reader[]>> = {
  docker: [fromDocker],
  containerd: [fromContainerd],
  storage: [fromLists, fromBundle],
};

/** config.v2.json; with `userns-remap` in a folder named after user and group. */
function fromDocker(root: Source, containerId: string): Found {
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
function fromContainerd(state: Source, containerId: string): Found {
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
function fromLists(root: Source, containerId: string): Found {
  const found = containersFoldersIn(root).flatMap((folder) =>
    ['containers.json', 'volatile-containers.json'].map((file) => fromList(root, [folder, file], containerId)),
  );
  return Object.assign({}, ...found.reverse());
}

/** The bundle's config.json as cri-o writes it. */
function fromBundle(root: Source, containerId: string): Found {
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

function fromList(root: Source, path: readonly string[], containerId: string): Names {
  const place = [root.path, ...path].join('/');
  using folder = openBelow(root, ...path.slice(0, -1));
  const stamp = folder === null ? null : stampOf(folder, path.at(-1) ?? '');
  const known = root.lists?.get(place);
  if (known !== undefined && known.stamp === stamp) return known.names.get(containerId) ?? {};
  const names = namesIn(parse(read(root, path, MAX_LIST_BYTES)));
  root.lists?.set(place, { stamp, names });
  return names.get(containerId) ?? {};
}

function namesIn(list: unknown): Map<string, Names> {
  const names = new Map<string, Names>();
  for (const entry of Array.isArray(list) ? list : []) {
    const container = record(entry);
    const metadata = record(parse(text(container?.metadata, Number.POSITIVE_INFINITY) ?? null));
    const found = { containerName: text(metadata?.name), imageName: image(metadata?.['image-name']) };
    if (container !== undefined) names.set(String(container.id), defined(found));
  }
  return names;
}

export function defined(found: Found): Names {
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

function readJson(root: Source, path: readonly string[]): Json | null {
  return record(parse(read(root, path, MAX_CONFIG_BYTES))) ?? null;
}

function read(root: Source, path: readonly string[], limit: number): string | null {
  using folder = openBelow(root, ...path.slice(0, -1));
  const content = folder === null ? null : readFileIn(folder, path.at(-1) ?? '', limit);
  root.spend(content?.length ?? 0);
  return content;
}

function parse(json: string | null): unknown {
  try {
    return json === null ? null : JSON.parse(json);
  } catch {
    return null;
  }
}
