/** How people call a container: by its name, that of its pod, or its id. */
import type { Container } from '../history/schema.ts';
import { type Event, ownerOf } from './events.ts';
import { nameOf } from './rows.ts';

/** The shortest part of an id that is taken for it. */
const SHORT_ID = 12;

/** As kubectl has it, `NAMESPACE/POD/CONTAINER`: many pods have a container `app`. */
export function fullNameOf(container: Container): string {
  return withPod(nameOf(container), container);
}

/** The same of a record's container. */
export function fullOwnerOf(event: Event): string {
  return withPod(ownerOf(event), event);
}

/** @param owner a container of an answer, or a record */
export function isCalled(owner: Event, wanted: string): boolean {
  const { container_id: id, container_name: name, cgroup, k8s_pod_name: pod, k8s_namespace_name: namespace } = owner;
  const ofPod = typeof pod === 'string' ? [pod, `${namespace}/${pod}`, `${pod}/${name}`, fullOwnerOf(owner)] : [];
  if ([id, name, cgroup, ...ofPod].includes(wanted)) return true;
  return wanted.length >= SHORT_ID && typeof id === 'string' && id.startsWith(wanted);
}

function withPod(
  name: string,
  { k8s_pod_name: pod, k8s_namespace_name: namespace }: { k8s_pod_name?: unknown; k8s_namespace_name?: unknown },
): string {
  if (typeof pod !== 'string') return name;
  return [...(typeof namespace === 'string' ? [namespace] : []), pod, name].join('/');
}
