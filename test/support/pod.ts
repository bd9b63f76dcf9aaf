/** A container of a pod as Kubernetes would run it, by podman: with the very capabilities, mounts and limits of the manifest. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE } from './image.ts';
import type { Manifest } from './manifests.ts';
import { folder } from './peers.ts';

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly seccompProfile: { readonly type: string };
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
    readonly privileged?: boolean;
  };
  readonly resources: { readonly limits: { readonly memory: string } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodSpec {
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string; readonly type?: string };
    readonly configMap?: { readonly name: string };
  }[];
}

export const NODE_NAME = 'node-1';

/** What stands between `podman run` and the image for the container "floatie" of a workload, and what comes after it. */
export function podmanFlags(
  manifests: readonly Manifest[],
  kind: string,
): Disposable & { before: string[]; after: string[] } {
  const workload = manifests.find((manifest) => manifest.kind === kind) as Manifest & {
    spec: { template: { spec: PodSpec } };
  };
  const { spec } = workload.spec.template;
  const container = [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => name === 'floatie');
  if (container === undefined) throw new Error(`${kind} has no container "floatie"`);
  const { securityContext: security, resources, volumeMounts, env = [], args = [] } = container;
  if (security.privileged || spec.hostPID || spec.hostNetwork || security.seccompProfile.type !== 'RuntimeDefault') {
    throw new Error('This pod wants what podman is not told here');
  }
  const stack = new DisposableStack();
  const data = (name: string): string => {
    const config = manifests.find((manifest) => manifest.metadata.name === name) as Manifest & {
      data: Record<string, string>;
    };
    return stack.use(folder(config.data)).path;
  };
  const mounts = volumeMounts.map(({ name, mountPath, readOnly = false }) => {
    const volume = spec.volumes.find((candidate) => candidate.name === name);
    const path = volume?.hostPath?.path;
    // Where the type is left open, the runtime makes the folder.
    const source =
      path === undefined ? data(volume?.configMap?.name ?? '') : existsSync(path) ? path : stack.use(folder()).path;
    return ['-v', `${source}:${mountPath}:${readOnly ? 'ro' : 'rw'}`];
  });
  const variables = env.map(({ name, value, valueFrom }) => {
    // Kubernetes' downward API: the only field that is asked for.
    if (valueFrom !== undefined && !JSON.stringify(valueFrom).includes('spec.nodeName')) throw new Error(name);
    return ['-e', `${name}=${value ?? NODE_NAME}`];
  });
  const profile = stack.use(folder());
  const seccomp = join(profile.path, 'seccomp.json');
  writeFileSync(seccomp, JSON.stringify(runtimeDefault()));
  return {
    before: [
      ...['--user', `${security.runAsUser}:${security.runAsGroup}`],
      ...(security.allowPrivilegeEscalation ? [] : ['--security-opt', 'no-new-privileges']),
      ...(security.readOnlyRootFilesystem ? ['--read-only', '--read-only-tmpfs=false'] : []),
      ...['--security-opt', `seccomp=${seccomp}`],
      ...security.capabilities.drop.flatMap((name) => ['--cap-drop', name]),
      ...security.capabilities.add.flatMap((name) => ['--cap-add', name]),
      ...['--memory', resources.limits.memory.replace('Mi', 'm')],
      ...mounts.flat(),
      ...variables.flat(),
    ],
    after: [IMAGE, ...args],
    [Symbol.dispose]: () => stack.dispose(),
  };
}

interface Seccomp {
  readonly syscalls: readonly { readonly names: readonly string[]; readonly [key: string]: unknown }[];
}

/**
 * The profile of this machine's podman, with the two rules that those of containerd (1.6.9, pull request 7301) and Docker
 * (23, pull request 43987) have and podman's lacks.
 */
function runtimeDefault(): Seccomp {
  const profile = JSON.parse(readFileSync('/usr/share/containers/seccomp.json', 'utf8')) as Seccomp;
  const rules = { bpf: 'CAP_BPF', perf_event_open: 'CAP_PERFMON' };
  const others = profile.syscalls.map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => !Object.hasOwn(rules, name)),
  }));
  const own = Object.entries(rules).map(([name, capability]) => ({
    names: [name],
    action: 'SCMP_ACT_ALLOW',
    args: [],
    comment: '',
    includes: { caps: [capability] },
    excludes: {},
  }));
  return { ...profile, syscalls: [...others.filter(({ names }) => names.length > 0), ...own] };
}
