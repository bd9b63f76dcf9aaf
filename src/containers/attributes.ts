/** The attributes that name the owner of a series. */
import type { Attributes } from '@opentelemetry/api';
import type { Identity } from './identity.ts';

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
  const attributes = Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, printable(value)]])),
  );
  cache.set(identity, attributes);
  return attributes;
}

/** Every scrape needs the attributes of every cgroup; a cgroup's identity stays the same object. */
const cache = new WeakMap<Identity, Attributes>();

/** Control characters, line separators and characters that change the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Escapes unprintable characters: a cgroup's name can be nearly anything. They become `\u{1b}`; in such a name
 * backslashes are doubled, so that two names never become one.
 */
function printable(name: string): string {
  if (!name.includes('\\u{') && name.search(UNPRINTABLE) < 0) return name;
  return name
    .replaceAll('\\', '\\\\')
    .replace(UNPRINTABLE, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}
