/**
 * The folders in which runtimes keep their files, by configuration and by the runtimes' own settings and command lines.
 */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { linkOrNull, readOrNull } from '../program/read-or-null.ts';
import { type Folder, listFolder, openFolder, readForeignFile } from './foreign-files.ts';

/** `storage` stands for cri-o and podman. */
export const PLACE_KINDS = ['docker', 'containerd', 'storage'] as const;
export type PlaceKind = (typeof PLACE_KINDS)[number];
/** Folders by kind; `*` stands for any one folder. */
export type PlaceSettings = Readonly<Record<PlaceKind, readonly string[]>>;

export interface Place {
  readonly kind: PlaceKind;
  readonly path: string;
  /** The source of the place: a setting of Floatie, a file, or a process. */
  readonly from: string;
}

/** Defaults of the runtimes, of k3s, RKE2, k0s, MicroK8s and snaps, and of rootless runtimes. */
export const DEFAULT_PLACES = {
  docker: ['/var/lib/docker', '/var/snap/docker/common/var-lib-docker', '/home/*/.local/share/docker'],
  containerd: [
    '/run/containerd',
    '/run/k3s/containerd',
    '/run/k0s/containerd',
    '/var/snap/microk8s/common/run/containerd',
    '/run/user/*/containerd',
  ],
  storage: [
    '/var/lib/containers/storage',
    '/run/containers/storage',
    '/home/*/.local/share/containers/storage',
    '/run/user/*/containers',
  ],
} as const satisfies PlaceSettings;

const MAX_SETTINGS_BYTES = 1 << 16;
/** The limit of home directories that `*` stands for. */
const MAX_USERS = 4096;

/** The configured places, then the discovered ones. */
export function findPlaces(settings: PlaceSettings, storageConf = ''): Place[] {
  const configured = PLACE_KINDS.flatMap((kind) =>
    settings[kind].map((path): Place => ({ kind, path, from: `containers.places.${kind}` })),
  );
  const places = [...configured, ...fromFiles(storageConf), ...fromProcesses()];
  return places.filter(({ kind, path }, index) => {
    const first = places.findIndex((other) => other.kind === kind && other.path === path);
    return path.startsWith('/') && first === index;
  });
}

/** The paths of a place at which a user has a folder now. */
export function pathsOf({ path }: Place, uid: number): string[] {
  return expand(path, uid).filter((each) => {
    using folder = openFolderOf(uid, each);
    return folder !== null;
  });
}

/**
 * null where the folder is missing or does not belong to the user. Folders of root name only root's containers, and a
 * user's folders only the user's: the user who writes the files must be the one who runs the container.
 */
export function openFolderOf(uid: number, path: string): (Folder & { readonly path: string }) | null {
  if (uid !== 0 && isOnFuse(path)) return null;
  const folder = openFolder(path);
  if (folder?.uid === uid) return Object.assign(folder, { path });
  folder?.[Symbol.dispose]();
  return null;
}

/** The folders of all users, for messages. */
export function* allFoldersOf({ path }: Place): Generator<Folder & { readonly path: string }> {
  const star = path.indexOf('/*');
  const uids = star === -1 ? [ownerOf(path)] : subfoldersOf(path.slice(0, star)).map(ownerOf);
  for (const uid of new Set(uids)) {
    for (const each of uid === null ? [] : expand(path, uid)) {
      using folder = openFolderOf(uid ?? 0, each);
      if (folder !== null) yield folder;
    }
  }
}

/** `*` matches only folders that belong to the user, so that no other user's home is automounted. */
function expand(path: string, uid: number): string[] {
  const star = path.indexOf('/*');
  if (star === -1) return [path];
  const rest = path.slice(star + 2);
  const mine = subfoldersOf(path.slice(0, star)).filter((folder) => ownerOf(folder) === uid);
  return mine.flatMap((folder) => expand(folder + rest, uid));
}

function subfoldersOf(path: string): string[] {
  using folder = openFolder(path === '' ? '/' : path);
  return folder === null ? [] : listFolder(folder, MAX_USERS).map((name) => `${path}/${name}`);
}

function ownerOf(path: string): number | null {
  try {
    return lstatSync(path).uid;
  } catch {
    return null;
  }
}

/** A user's FUSE filesystem may never answer. */
function isOnFuse(path: string): boolean {
  return (readOrNull('/proc/self/mountinfo') ?? '').split('\n').some((line) => {
    const [, , , , mountPoint = ''] = line.split(' ');
    return / - fuse/.test(line) && (path === mountPoint || path.startsWith(`${mountPoint}/`));
  });
}

/** Places in the configuration files of administrators. */
function fromFiles(storageConf: string): Place[] {
  const docker = ['/etc/docker/daemon.json', '/var/snap/docker/current/config/daemon.json'];
  const storage =
    storageConf === '' ? ['/usr/share/containers/storage.conf', '/etc/containers/storage.conf'] : [storageConf];
  return [
    ...docker.flatMap((file) => placesIn('docker', file, /"(?:data-root|graph)"\s*:\s*"([^"]+)"/g)),
    ...placesIn('containerd', '/etc/containerd/config.toml', STATE),
    ...storage.flatMap((file) =>
      placesIn('storage', file, /^\s*(?:graphroot|runroot|rootless_storage_path)\s*=\s*["']([^"']+)["']/gm),
    ),
  ];
}

const STATE = /^\s*state\s*=\s*["']([^"']+)["']/gm;

function placesIn(kind: PlaceKind, file: string, setting: RegExp): Place[] {
  const text = readForeignFile(file, MAX_SETTINGS_BYTES) ?? '';
  // containers-storage.conf(5) only: a path for each user.
  const each = (path: string): string =>
    path.replace(/^\$HOME(?=\/|$)/, '/home/*').replace(/\$(USER|UID)(?=\/|$)/, '*');
  return [...text.matchAll(setting)].map(([, path = '']) => ({ kind, path: each(path), from: file }));
}

/** Places in the command lines of running daemons: only root's, and only those in the same mount namespace. */
function fromProcesses(): Place[] {
  const mounts = [linkOrNull('/proc/self/ns/mnt'), linkOrNull('/proc/1/ns/mnt')].filter((link) => link !== null);
  return readdirSync('/proc').flatMap((pid) => {
    const folder = join('/proc', pid);
    const name = /^\d+$/.test(pid) ? readOrNull(join(folder, 'comm'))?.trim() : '';
    if (name !== 'dockerd' && name !== 'containerd') return [];
    if (!isRoot(folder) || !mounts.includes(linkOrNull(join(folder, 'ns/mnt')) ?? '')) return [];
    const args = (readOrNull(join(folder, 'cmdline')) ?? '').split('\0');
    const from = `${name} (pid ${pid})`;
    const paths = (kind: PlaceKind, ...options: string[]): Place[] =>
      options.flatMap((option) => valuesOf(args, option)).map((path) => ({ kind, path, from }));
    if (name === 'dockerd') {
      const files = valuesOf(args, '--config-file');
      const told = files.flatMap((file) => placesIn('docker', file, /"(?:data-root|graph)"\s*:\s*"([^"]+)"/g));
      return [...paths('docker', '--data-root', '--graph', '-g'), ...told];
    }
    const files = [...valuesOf(args, '--config'), ...valuesOf(args, '-c')];
    return [...paths('containerd', '--state'), ...files.flatMap((file) => placesIn('containerd', file, STATE))];
  });
}

/** `--option VALUE` and `--option=VALUE`. */
function valuesOf(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, index) => {
    if (arg === option) return args[index + 1] ?? [];
    return arg.startsWith(`${option}=`) ? arg.slice(option.length + 1) : [];
  });
}

function isRoot(folder: string): boolean {
  try {
    return statSync(folder).uid === 0;
  } catch {
    return false;
  }
}
