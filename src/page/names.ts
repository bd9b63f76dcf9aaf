/** How people call a container: by its name, that of its pod, or its id. */

/** The fields of a container in an answer, or of a record. */
interface Owner {
  readonly cgroup?: unknown;
  readonly container_id?: unknown;
  readonly container_name?: unknown;
  readonly k8s_pod_name?: unknown;
  readonly k8s_namespace_name?: unknown;
}

/** The shortest part of an id that is taken for it. */
const SHORT_ID = 12;

/** What it is called by people, else the first twelve digits of its id, as runtimes show it. */
export function nameOf({ container_name: name, container_id: id, cgroup }: Owner): string {
  if (isText(name)) return name;
  if (isText(id)) return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, SHORT_ID) : id;
  return isText(cgroup) ? cgroup : '';
}

/** As kubectl has it, `NAMESPACE/POD/CONTAINER`: many pods have a container `app`. */
export function fullNameOf(owner: Owner): string {
  const { k8s_pod_name: pod, k8s_namespace_name: namespace } = owner;
  return [...(isText(pod) ? [namespace, pod] : []), nameOf(owner)].filter(isText).join('/');
}

export function isCalled(owner: Owner, wanted: string): boolean {
  const { container_id: id, container_name: name, cgroup, k8s_pod_name: pod, k8s_namespace_name: namespace } = owner;
  const ofPod = isText(pod) ? [pod, `${namespace}/${pod}`, `${pod}/${name}`] : [];
  if ([id, name, cgroup, ...ofPod, fullNameOf(owner)].includes(wanted)) return true;
  return wanted.length >= SHORT_ID && isText(id) && id.startsWith(wanted);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
