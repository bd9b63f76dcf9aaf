/** Runs a manifest's container with podman, with its capabilities, mounts and limits. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE } from './image.ts';
import type { Manifest } from './manifests.ts';
import { folder } from './peers.ts';

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly runAsGroup: number;
    readonly allowPrivilegeEscalation: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly seccompProfile: { readonly type: string; readonly localhostProfile?: string };
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
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
/** Where kubelet looks for profiles. */
const SECCOMP = '/var/lib/kubelet/seccomp';

interface Pod extends Disposable {
  /** What `podman run` is given for each init container that has to end first. */
  readonly first: readonly (readonly string[])[];
  /** The arguments of `podman run` before and after the image, for the container "floatie" of a workload. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export function podmanFlags(manifests: readonly Manifest[], kind: string): Pod {
  const workload = manifests.find((manifest) => manifest.kind === kind) as Manifest & {
    spec: { template: { spec: PodSpec } };
  };
  const { spec } = workload.spec.template;
  const { containers, initContainers = [] } = spec;
  const floatie = [...containers, ...initContainers].find(({ name }) => name === 'floatie');
  if (floatie === undefined) throw new Error(`${kind} has no container "floatie"`);
  if (spec.hostPID || spec.hostNetwork) throw new Error('This pod wants what podman is not told here');
  const stack = new DisposableStack();
  const sources = new Map(spec.volumes.map((volume) => [volume.name, sourceOf(volume, manifests, stack)]));
  const ofKubelet = spec.volumes.find(({ hostPath }) => hostPath?.path === SECCOMP)?.name ?? '';
  const profiles = stack.use(folder({ 'default.json': JSON.stringify(runtimeDefault()) })).path;
  const flagsOf = (container: Container): Omit<Pod, 'first' | typeof Symbol.dispose> => {
    const { securityContext: security, resources, volumeMounts, env = [], command, args = [] } = container;
    if (security.privileged) throw new Error('This container wants what podman is not told here');
    const { type, localhostProfile = '' } = security.seccompProfile;
    const profile =
      type === 'Localhost' ? join(sources.get(ofKubelet) ?? '', localhostProfile) : join(profiles, 'default.json');
    if (!['Localhost', 'RuntimeDefault'].includes(type)) throw new Error(`There is no seccomp profile ${type} here`);
    const [program, ...words] = command ?? [];
    return {
      before: [
        ...['--user', `${security.runAsUser}:${security.runAsGroup}`],
        ...(security.allowPrivilegeEscalation ? [] : ['--security-opt', 'no-new-privileges']),
        ...(security.readOnlyRootFilesystem ? ['--read-only', '--read-only-tmpfs=false'] : []),
        ...['--security-opt', `seccomp=${profile}`],
        ...security.capabilities.drop.flatMap((name) => ['--cap-drop', name]),
        ...(security.capabilities.add ?? []).flatMap((name) => ['--cap-add', name]),
        ...['--memory', resources.limits.memory.replace('Mi', 'm')],
        ...volumeMounts.flatMap(({ name, mountPath, readOnly = false }) => [
          ...['-v', `${sources.get(name)}:${mountPath}:${readOnly ? 'ro' : 'rw'}`],
        ]),
        ...env.flatMap(({ name, value, valueFrom }) => {
          // The only field of the downward API that the examples use.
          if (valueFrom !== undefined && !JSON.stringify(valueFrom).includes('spec.nodeName')) throw new Error(name);
          return ['-e', `${name}=${value ?? NODE_NAME}`];
        }),
        ...(program === undefined ? [] : ['--entrypoint', program]),
      ],
      after: [IMAGE, ...words, ...args],
    };
  };
  const first = initContainers.filter(({ restartPolicy }) => restartPolicy !== 'Always').map(flagsOf);
  return {
    first: first.map(({ before, after }) => [...before, ...after]),
    ...flagsOf(floatie),
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** A folder that this machine has not is an empty one, and so is kubelet's, into which the pod writes. */
function sourceOf(volume: PodSpec['volumes'][number], manifests: readonly Manifest[], stack: DisposableStack): string {
  const path = volume.hostPath?.path;
  if (path !== undefined) return path !== SECCOMP && existsSync(path) ? path : stack.use(folder()).path;
  const config = manifests.find(({ metadata }) => metadata.name === volume.configMap?.name) as Manifest & {
    data: Record<string, string>;
  };
  return stack.use(folder(config.data)).path;
}

interface Seccomp {
  readonly syscalls: readonly { readonly names: readonly string[]; readonly [key: string]: unknown }[];
}

/**
 * The seccomp profile of this machine's podman, with the two rules that podman lacks and containerd (1.6.9, pull
 * request 7301) and Docker (23, pull request 43987) have.
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
