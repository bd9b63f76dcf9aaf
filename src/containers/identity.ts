/** What a cgroup's path says about the container that lives there. */

import type { Names } from './names.ts';

export type Runtime = 'docker' | 'containerd' | 'cri-o' | 'podman' | 'lxc' | 'systemd-nspawn';

export interface Identity {
  /** The cgroup's path below the hierarchy's root; `unknown` when it was gone before it could be named. */
  readonly cgroup: string;
  /** 64 hexadecimal digits of docker, containerd, cri-o and podman; the name of a container that has nothing else. */
  readonly containerId?: string;
  /** Absent where several runtimes write the same path, as below Kubernetes' `kubepods`. */
  readonly runtime?: Runtime;
  /** As the Kubernetes API writes it, with hyphens. */
  readonly podUid?: string;
  /** What people call it, where that was asked for and is known: see names.ts. */
  readonly names?: Names;
}

type Container = Required<Pick<Identity, 'containerId'>> & Pick<Identity, 'runtime'>;

/** `ID`, `PREFIX-ID` and `SLICE:PREFIX:ID`, with or without systemd's `.scope`. */
const WITH_ID = /^(?:(?:.*:)?(.*)[-:])?([0-9a-f]{64})(?:\.scope)?$/;

const RUNTIME_OF_PREFIX: Readonly<Record<string, Runtime>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  containerd: 'containerd',
  nerdctl: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  'libpod-payload': 'podman',
};

/** What a container's cgroup is called where its folder says whose it is. `default` is containerd's own namespace. */
const RUNTIME_OF_FOLDER: Readonly<Record<string, Runtime>> = { docker: 'docker', default: 'containerd' };

/** `podUID` of the cgroupfs driver; `…kubepods…-podUID.slice` of the systemd driver, with what containerd may append. */
const POD =
  /^(?:pod|(?:.*-)?kubepods(?:-[a-z]+)?-pod)([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice(?::.*)?)?$/;

/** Is this the cgroup of a container as a whole, not one that the container made inside? */
export function isContainer(path: string): boolean {
  const parts = path.split('/');
  return containerOf(parts.at(-1) ?? '', parts.at(-2)) !== null;
}

/**
 * The innermost container of a path, and the innermost pod. A path relative to a cgroup namespace (`/../…`) tells the
 * same.
 *
 * @param path below the hierarchy's root, null when unknown
 */
export function identify(path: string | null): Identity {
  if (path === null) return { cgroup: 'unknown' };
  const parts = path.split('/');
  let container: Container | null = null;
  for (let at = parts.length - 1; at > 0; at--) {
    const part = parts[at] ?? '';
    container ??= containerOf(part, parts[at - 1]);
    const podUid = POD.exec(part)?.[1]?.replaceAll('_', '-');
    // A container further out, such as a node of kind, is not the pod's.
    if (podUid !== undefined) return { cgroup: path, ...container, podUid };
  }
  return { cgroup: path, ...container };
}

function containerOf(part: string, folder = ''): Container | null {
  const [, prefix, containerId] = WITH_ID.exec(part) ?? [];
  if (containerId === undefined) return namedContainer(part, folder);
  // conmon watches a container from outside.
  if (prefix?.endsWith('conmon')) return null;
  const runtime = prefix === undefined ? RUNTIME_OF_FOLDER[folder] : RUNTIME_OF_PREFIX[prefix];
  return runtime === undefined ? { containerId } : { containerId, runtime };
}

/** LXC's and systemd's containers have names only. */
function namedContainer(part: string, folder: string): Container | null {
  const lxc = /^lxc\.payload\.(.+)$/.exec(part)?.[1];
  if (lxc !== undefined) return { containerId: lxc, runtime: 'lxc' };
  if ((folder === 'lxc' || folder === 'lxc.payload') && part !== '' && !part.startsWith('lxc.')) {
    return { containerId: part, runtime: 'lxc' };
  }
  const escaped = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/.exec(part);
  const machine = unescapeUnit(escaped?.[1] ?? escaped?.[2] ?? '');
  // libvirt has its virtual machines registered as well, and its own LXC containers.
  if (machine === '' || machine.startsWith('qemu-')) return null;
  return { containerId: machine, runtime: machine.startsWith('lxc-') ? 'lxc' : 'systemd-nspawn' };
}

/** systemd writes what a unit's name cannot hold as `\x2d`. */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
