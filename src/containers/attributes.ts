/** The attributes that name the owner of a series or record. */
import type { Identity } from './identity.ts';

/** Each attribute with its meaning, in their order. The names are there where `containers.names` asks for them and a runtime's files have them. */
export const OWNER = {
  cgroup: 'path of the cgroup below the root of its hierarchy',
  'container.id': 'id of the container, where the path names one',
  'k8s.pod.uid': 'uid of the Kubernetes pod, where the path names one',
  'container.name': 'name of the container',
  'container.image.name': 'name of its image, without tag',
  'k8s.pod.name': 'name of its pod',
  'k8s.namespace.name': 'namespace of its pod',
} as const;

export type OwnerName = keyof typeof OWNER;

export type OwnerAttributes = { readonly cgroup: string } & {
  readonly [Name in Exclude<OwnerName, 'cgroup'>]?: string;
};

export function attributesOf(identity: Identity): OwnerAttributes {
  const known = cache.get(identity);
  if (known !== undefined) return known;
  const { cgroup, containerId, podUid, names = {} } = identity;
  const all: { readonly [Name in OwnerName]: string | undefined } = {
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
  ) as OwnerAttributes;
  cache.set(identity, attributes);
  return attributes;
}

/** Every scrape needs the attributes of every cgroup; a cgroup's identity stays the same object. */
const cache = new WeakMap<Identity, OwnerAttributes>();

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
