/** What a cgroup's path says about the container that lives there. */

export interface Identity {
  /** The cgroup's path below the hierarchy's root; `unknown` when it was gone before it could be named. */
  readonly cgroup: string;
  /** The 64 hexadecimal digits that docker, containerd, cri-o and podman all use. */
  readonly containerId?: string;
}

/** Not of `conmon`, which watches a container from outside. */
const CONTAINER_ID = /(?:^|(?<!conmon)[-:])([0-9a-f]{64})(?:\.scope)?$/;

/** Is this the cgroup of a container as a whole, not one that the container made inside? */
export function isContainer(path: string): boolean {
  return CONTAINER_ID.test(path.slice(path.lastIndexOf('/') + 1));
}

/** @param path below the hierarchy's root, null when unknown */
export function identify(path: string | null): Identity {
  if (path === null) return { cgroup: 'unknown' };
  for (const part of path.split('/').reverse()) {
    const containerId = CONTAINER_ID.exec(part)?.[1];
    if (containerId !== undefined) return { cgroup: path, containerId };
  }
  return { cgroup: path };
}
