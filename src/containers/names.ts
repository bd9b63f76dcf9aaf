/**
 * What people call a container, as far as its runtime leaves that on disk. These files are root's, written by the
 * runtime itself before the container starts; no socket is asked, and no process of the container.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Identity, identify, type Runtime } from './identity.ts';

export interface Names {
  readonly containerName?: string;
  /** Without tag and digest. */
  readonly imageName?: string;
  readonly podName?: string;
  readonly podNamespace?: string;
}

/** Where runtimes keep their files. */
export interface Places {
  readonly docker: string;
  readonly containerd: string;
  /** Of cri-o and podman: the permanent one first. */
  readonly storage: readonly string[];
}

/** Of a container's configuration: real ones have some dozens of kB. */
const MAX_CONFIG_BYTES = 1 << 20;
/** Of the list of all containers of cri-o and podman. */
const MAX_LIST_BYTES = 1 << 23;
/** The longest name in Kubernetes; what is longer is cut. */
const MAX_NAME = 253;

type Found = { -readonly [Key in keyof Names]: Names[Key] | undefined };
type Json = Readonly<Record<string, unknown>>;
type Reader = (places: Places, containerId: string) => Found;

const READERS: Readonly<Record<'docker' | 'containerd' | 'storage', Reader>> = {
  docker: fromDocker,
  containerd: fromContainerd,
  storage: fromStorage,
};

const READERS_OF: Readonly<Record<Runtime, readonly Reader[]>> = {
  docker: [READERS.docker],
  containerd: [READERS.containerd],
  'cri-o': [READERS.storage],
  podman: [READERS.storage],
  lxc: [],
  'systemd-nspawn': [],
};

/** As the runtimes are installed, except for what containers-storage.conf(5) says. */
export function findPlaces(): Places {
  const file = process.env.CONTAINERS_STORAGE_CONF ?? '/etc/containers/storage.conf';
  const text = readSmall(file, MAX_CONFIG_BYTES) ?? '';
  const setting = (key: string): string | undefined => new RegExp(`^\\s*${key}\\s*=\\s*"([^"]+)"`, 'm').exec(text)?.[1];
  return {
    docker: '/var/lib/docker/containers',
    containerd: '/run/containerd/io.containerd.runtime.v2.task',
    storage: [setting('graphroot') ?? '/var/lib/containers/storage', setting('runroot') ?? '/run/containers/storage'],
  };
}

/** Like {@link identify}, with what people call it. */
export function identifyByName(path: string | null, places: Places): Identity {
  const identity = identify(path);
  const names = readNames(identity, places);
  return Object.keys(names).length === 0 ? identity : { ...identity, names };
}

/** What is not known is absent. */
export function readNames({ containerId, runtime }: Identity, places: Places): Names {
  if (containerId === undefined) return {};
  // They have names only, and nobody looks for a file by what somebody chose to call it.
  if (runtime === 'lxc' || runtime === 'systemd-nspawn') return { containerName: containerId };
  if (!/^[0-9a-f]{64}$/.test(containerId)) return {};
  for (const read of runtime === undefined ? Object.values(READERS) : READERS_OF[runtime]) {
    const names = defined(read(places, containerId));
    if (Object.keys(names).length > 0) return names;
  }
  return {};
}

/** config.v2.json */
function fromDocker({ docker }: Places, containerId: string): Found {
  const container = readJson(join(docker, containerId, 'config.v2.json'), MAX_CONFIG_BYTES);
  const config = record(container?.Config);
  const labels = record(config?.Labels);
  return {
    containerName: text(labels?.['io.kubernetes.container.name']) ?? text(container?.Name)?.replace(/^\//, ''),
    imageName: image(config?.Image),
    podName: text(labels?.['io.kubernetes.pod.name']),
    podNamespace: text(labels?.['io.kubernetes.pod.namespace']),
  };
}

/** The bundle's config.json, one folder for each of containerd's namespaces. */
function fromContainerd({ containerd }: Places, containerId: string): Found {
  for (const namespace of subfolders(containerd)) {
    const bundle = readJson(join(containerd, namespace, containerId, 'config.json'), MAX_CONFIG_BYTES);
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

/** The bundle's config.json as cri-o writes it, and the list of containers, which also has podman's names. */
function fromStorage({ storage }: Places, containerId: string): Found {
  let found: Found = {};
  for (const root of storage) {
    const folder = join(root, 'overlay-containers');
    const bundle = readJson(join(folder, containerId, 'userdata', 'config.json'), MAX_CONFIG_BYTES);
    const annotations = record(bundle?.annotations);
    const listed = fromList(join(folder, 'containers.json'), containerId);
    const volatile = fromList(join(folder, 'volatile-containers.json'), containerId);
    found = {
      ...volatile,
      ...listed,
      ...defined(found),
      ...defined({
        containerName: text(annotations?.['io.kubernetes.container.name']),
        imageName: image(annotations?.['io.kubernetes.cri-o.ImageName']),
        podName: text(annotations?.['io.kubernetes.pod.name']),
        podNamespace: text(annotations?.['io.kubernetes.pod.namespace']),
      }),
    };
  }
  return found;
}

function fromList(path: string, containerId: string): Names {
  const list = parse(readSmall(path, MAX_LIST_BYTES));
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

/** Anybody may have chosen it. */
function text(value: unknown, limit = MAX_NAME): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return value.slice(0, limit).toWellFormed();
}

function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function readJson(path: string, limit: number): Json | null {
  return record(parse(readSmall(path, limit))) ?? null;
}

function parse(json: string | null): unknown {
  try {
    return json === null ? null : JSON.parse(json);
  } catch {
    return null;
  }
}

/** null for what cannot be read, is larger, or is no plain file. */
function readSmall(path: string, limit: number): string | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const stats = fstatSync(fd);
    return stats.isFile() && stats.size <= limit ? readFileSync(fd, 'utf8') : null;
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

function subfolders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
