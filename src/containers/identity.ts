/** Identifies containers and pods by their cgroup's path. */

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

export interface Names {
  readonly containerName?: string;
  /** Without tag and digest. */
  readonly imageName?: string;
  readonly podName?: string;
  readonly podNamespace?: string;
}

export interface Identity {
  /** The cgroup's path below the hierarchy's root; `unknown` when the cgroup was removed before it was found. */
  readonly cgroup: string;
  /**
   * 64 hexadecimal digits of docker, containerd, cri-o and podman, 25 letters and digits of BuildKit, `ALLOCATION.TASK` of
   * Nomad, the process of Apptainer; for runtimes without ids the container's name.
   */
  readonly containerId?: string;
  /** Absent where several runtimes use the same path, as below Kubernetes' `kubepods`. */
  readonly runtime?: Runtime;
  /** In the Kubernetes API's form, with hyphens. */
  readonly podUid?: string;
  /** The names that people use, where `containers.names` is on and they are known: see names.ts. */
  readonly names?: Names;
}

type Container = Required<Pick<Identity, 'containerId'>> & Pick<Identity, 'runtime'>;

/** Whether containerd has a container of this id, which can be any name. Its cgroup is then `/NAMESPACE/ID`. */
export type IsTask = (namespace: string, id: string) => boolean;

/** Decides by the path alone: containerd's default namespace is enough. */
export const isDefaultTask: IsTask = (namespace) => namespace === 'default';

/** Identifiers that containerd accepts: github.com/containerd/containerd pkg/identifiers */
const IDENTIFIER = /^(?=.{1,76}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/**
 * `ID`, `PREFIX-ID` and `SLICE:PREFIX:ID`, with or without systemd's `.scope`; Kata puts `kata_` before a sandbox's id.
 */
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

/** The runtime by the name of the parent folder. `default` is containerd's default namespace. */
const RUNTIME_OF_FOLDER: Readonly<Record<string, Runtime>> = { docker: 'docker', default: 'containerd' };

/** `podUID` of the cgroupfs driver; `…kubepods…-podUID.slice` of the systemd driver, with what containerd may append. */
const POD =
  /^(?:pod|(?:.*-)?kubepods(?:-[a-z]+)?-pod)([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice(?::.*)?)?$/;

/** Whether this is the cgroup of a whole container, not one below it, whatever that is called. */
export function isContainer(path: string, isTask = isDefaultTask): boolean {
  const parts = path.split('/');
  return outermost(parts, isTask)?.at === parts.length - 1;
}

/**
 * The outermost container of a path, and its pod. A container can give cgroups inside of it any name, also that of
 * another container, but can make no cgroup further out. With nested containers, as in kind, this is the node when seen
 * from outside; in the node's own cgroup namespace, where paths begin with `/` or `/../…`, it is the pod's container.
 *
 * @param path below the hierarchy's root, null when unknown
 */
export function identify(path: string | null, isTask = isDefaultTask): Identity {
  if (path === null) return { cgroup: 'unknown' };
  const parts = path.split('/');
  const found = outermost(parts, isTask);
  // containerd without systemd's driver puts pod and container into one part of the path.
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

/** The user who may create the container's cgroup: the user to whom systemd delegated that subtree, or root (0). */
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
  // conmon, which monitors a container, is not a part of it.
  if (prefix?.endsWith('conmon')) return null;
  const runtime = prefix === undefined ? RUNTIME_OF_FOLDER[folder] : RUNTIME_OF_PREFIX[prefix];
  return runtime === undefined ? { containerId } : { containerId, runtime };
}

/** Containers of other runtimes, by the source that names their cgroups. */
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
  // libvirt registers virtual machines, and its own LXC containers, too.
  if (machine === '' || machine.startsWith('qemu-')) return null;
  return { containerId: machine, runtime: machine.startsWith('lxc-') ? 'lxc' : 'systemd-nspawn' };
}

const NOMAD_TASK = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\..+?)(\.scope)?$/;

/** One UTF-8 character, with its bytes escaped as systemd does in the names of units. */
const ESCAPED =
  /\\x[0-7][0-9a-f]|\\x[cd][0-9a-f](?:\\x[89ab][0-9a-f])|\\xe[0-9a-f](?:\\x[89ab][0-9a-f]){2}|\\xf[0-7](?:\\x[89ab][0-9a-f]){3}/g;

/** Bytes that are no UTF-8, and control characters, stay escaped. */
function unescapeUnit(name: string): string {
  return name.replace(ESCAPED, (escaped) => {
    const text = Buffer.from(escaped.replaceAll('\\x', ''), 'hex').toString();
    return /[\p{C}\ufffd]/u.test(text) ? escaped : text;
  });
}
