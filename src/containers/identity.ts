/** What a cgroup's path says about the container that lives there. */

import type { Names } from './names.ts';

export type Runtime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'lxc'
  | 'systemd-nspawn'
  | 'buildkit'
  | 'nomad'
  | 'apptainer'
  | 'singularity';

export interface Identity {
  /** The cgroup's path below the hierarchy's root; `unknown` when it was gone before it could be named. */
  readonly cgroup: string;
  /**
   * 64 hexadecimal digits of docker, containerd, cri-o and podman, 25 letters and digits of BuildKit, `ALLOCATION.TASK` of
   * Nomad, the process of Apptainer; the name of a container that has nothing else.
   */
  readonly containerId?: string;
  /** Absent where several runtimes write the same path, as below Kubernetes' `kubepods`. */
  readonly runtime?: Runtime;
  /** As the Kubernetes API writes it, with hyphens. */
  readonly podUid?: string;
  /** What people call it, where that was asked for and is known: see names.ts. */
  readonly names?: Names;
}

type Container = Required<Pick<Identity, 'containerId'>> & Pick<Identity, 'runtime'>;

/** Is this a container of containerd's, which may be called anything? Its cgroup is then `/NAMESPACE/ID`. */
export type IsTask = (namespace: string, id: string) => boolean;

/** As far as the path alone tells: by containerd's own namespace. */
export const isDefaultTask: IsTask = (namespace) => namespace === 'default';

/** What containerd takes for a name: github.com/containerd/containerd pkg/identifiers */
const IDENTIFIER = /^(?=.{1,76}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/** `ID`, `PREFIX-ID` and `SLICE:PREFIX:ID`, with or without systemd's `.scope`; Kata puts `kata_` before a sandbox's. */
const WITH_ID = /^(?:(?:.*:)?(.*)[-:])?(?:kata_)?([0-9a-f]{64})(?:\.scope)?$/;

const RUNTIME_OF_PREFIX: Readonly<Record<string, Runtime>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  containerd: 'containerd',
  nerdctl: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  'libpod-payload': 'podman',
};

/** Whose it is where the folder says it. `default` is containerd's own namespace. */
const RUNTIME_OF_FOLDER: Readonly<Record<string, Runtime>> = { docker: 'docker', default: 'containerd' };

/** `podUID` of the cgroupfs driver; `…kubepods…-podUID.slice` of the systemd driver, with what containerd may append. */
const POD =
  /^(?:pod|(?:.*-)?kubepods(?:-[a-z]+)?-pod)([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice(?::.*)?)?$/;

/** Is this the cgroup of a container as a whole, not one that the container made inside, whatever that is called? */
export function isContainer(path: string, isTask = isDefaultTask): boolean {
  const parts = path.split('/');
  return outermost(parts, isTask)?.at === parts.length - 1;
}

/**
 * The outermost container of a path, and its pod. Whoever may make cgroups inside a container can call them what others
 * are called; nobody inside can make one further out. Of containers in containers, as in kind, this one is told by
 * whoever looks from outside; in the node's own cgroup namespace the paths begin there, with `/` or `/../…`.
 *
 * @param path below the hierarchy's root, null when unknown
 */
export function identify(path: string | null, isTask = isDefaultTask): Identity {
  if (path === null) return { cgroup: 'unknown' };
  const parts = path.split('/');
  const found = outermost(parts, isTask);
  // containerd without systemd's driver writes both into one part.
  const podUid = parts
    .slice(0, found && found.at + 1)
    .map(podOf)
    .find((uid) => uid !== undefined);
  return { cgroup: path, ...found?.container, ...(podUid !== undefined && { podUid }) };
}

function outermost(parts: readonly string[], isTask: IsTask): { at: number; container: Container } | undefined {
  for (let at = 1; at < parts.length; at++) {
    const container = containerAt(parts, at, isTask);
    if (container !== null) return { at, container };
  }
  return undefined;
}

function podOf(part: string): string | undefined {
  return POD.exec(part)?.[1]?.replaceAll('_', '-');
}

/** Who may make the cgroup of this container: the user to whom systemd gave that part of the hierarchy, or root, 0. */
export function userOf(path: string): number {
  return Number(/^(?:\/[^/]+\.slice)*\/user@(\d+)\.service\//.exec(path)?.[1] ?? 0);
}

function containerAt(parts: readonly string[], at: number, isTask: IsTask): Container | null {
  const [folder = '', part = ''] = [parts[at - 1], parts[at]];
  const [, prefix, containerId] = WITH_ID.exec(part) ?? [];
  if (containerId === undefined) {
    const container = namedContainer(part, folder);
    const canBeTask = at === 2 && IDENTIFIER.test(part) && !folder.endsWith('.slice');
    return container === null && canBeTask && isTask(folder, part)
      ? { containerId: part, runtime: 'containerd' }
      : container;
  }
  // conmon watches a container from outside.
  if (prefix?.endsWith('conmon')) return null;
  const runtime = prefix === undefined ? RUNTIME_OF_FOLDER[folder] : RUNTIME_OF_PREFIX[prefix];
  return runtime === undefined ? { containerId } : { containerId, runtime };
}

/** What others call theirs, each where it was looked up: its name, or all that it has of a name. */
function namedContainer(part: string, folder: string): Container | null {
  const lxc = /^lxc\.payload\.(.+)$/.exec(part)?.[1];
  if (lxc !== undefined) return { containerId: lxc, runtime: 'lxc' };
  if ((folder === 'lxc' || folder === 'lxc.payload') && part !== '' && !part.startsWith('lxc.')) {
    return { containerId: part, runtime: 'lxc' };
  }
  // moby/buildkit executor/oci/spec.go
  const build = /^(?:(?:.*:)?(?:docker|buildkit)[-:])?([0-9a-z]{25})(?:\.scope)?$/.exec(part);
  if (build?.[1] !== undefined && (folder === 'buildkit' || build[1] !== part)) {
    return { containerId: build[1], runtime: 'buildkit' };
  }
  // hashicorp/nomad client/lib/cgroupslib/editor.go
  const task = NOMAD_TASK.exec(part);
  if (task?.[1] !== undefined && (task[2] === '.scope' || folder.startsWith('nomad'))) {
    return { containerId: task[1], runtime: 'nomad' };
  }
  // apptainer/apptainer internal/pkg/cgroups
  const process = /^(?:(apptainer|singularity)-)?(\d+)(?:\.scope)?$/.exec(part);
  const starter = process?.[1] ?? folder;
  if (process?.[2] !== undefined && (starter === 'apptainer' || starter === 'singularity')) {
    return { containerId: process[2], runtime: starter };
  }
  const escaped = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/.exec(part);
  const machine = unescapeUnit(escaped?.[1] ?? escaped?.[2] ?? '');
  // libvirt has its virtual machines registered as well, and its own LXC containers.
  if (machine === '' || machine.startsWith('qemu-')) return null;
  return { containerId: machine, runtime: machine.startsWith('lxc-') ? 'lxc' : 'systemd-nspawn' };
}

const NOMAD_TASK = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\..+?)(\.scope)?$/;

/** The bytes of one character, as systemd writes those that a unit's name cannot hold. */
const ESCAPED =
  /\\x[0-7][0-9a-f]|\\x[cd][0-9a-f](?:\\x[89ab][0-9a-f])|\\xe[0-9a-f](?:\\x[89ab][0-9a-f]){2}|\\xf[0-7](?:\\x[89ab][0-9a-f]){3}/g;

/** What is no UTF-8, and what nobody can see, stays as systemd wrote it. */
function unescapeUnit(name: string): string {
  return name.replace(ESCAPED, (escaped) => {
    const text = Buffer.from(escaped.replaceAll('\\x', ''), 'hex').toString();
    return /[\p{C}\ufffd]/u.test(text) ? escaped : text;
  });
}
