/** The owner of a series, as attributes. */
import type { Attributes } from '@opentelemetry/api';
import type { Identity } from '../containers/identity.ts';

export function attributesOf(identity: Identity): Attributes {
  const known = cache.get(identity);
  if (known !== undefined) return known;
  const { cgroup, containerId, podUid, names = {} } = identity;
  const all = {
    cgroup,
    'container.id': containerId,
    'k8s.pod.uid': podUid,
    'container.name': names.containerName,
    'container.image.name': names.imageName,
    'k8s.pod.name': names.podName,
    'k8s.namespace.name': names.podNamespace,
  };
  const attributes = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  cache.set(identity, attributes);
  return attributes;
}

/** At every scrape for every cgroup, whose identity stays the same object. */
const cache = new WeakMap<Identity, Attributes>();
