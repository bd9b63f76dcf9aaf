/** The BPF programs, maps and links in the kernel and in a process. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';

export const KINDS = ['prog', 'map', 'link'] as const;

/** Such as `prog 12`. */
export function heldBy(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const info = readDescriptor(`/proc/${pid}/fdinfo/${fd}`);
    return KINDS.flatMap((kind) =>
      [...info.matchAll(new RegExp(`^${kind}_id:\\s*(\\d+)`, 'gm'))].map(([, id]) => `${kind} ${id}`),
    );
  });
}

interface KernelObject {
  readonly id: number;
}

interface KernelMap extends KernelObject {
  readonly name: string;
  readonly max_entries: number;
  readonly bytes_memlock: number;
}

export function inKernel(): string[] {
  return KINDS.flatMap((kind) => show<KernelObject>(kind).map(({ id }) => `${kind} ${id}`));
}

/** The maps that a process holds. */
export function mapsOf(pid: number): KernelMap[] {
  const held = heldBy(pid);
  return show<KernelMap>('map').filter(({ id }) => held.includes(`map ${id}`));
}

function show<T extends KernelObject>(kind: (typeof KINDS)[number]): T[] {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  return JSON.parse(execFileSync('bpftool', [kind, 'show', '-j'], { encoding: 'utf8', env })) as T[];
}

/** The kernel frees programs and maps a moment after their last owner is gone. */
export async function assertNothingLeft(held: readonly string[]): Promise<void> {
  await eventually(`${held.join(', ')} are gone`, () => {
    const present = inKernel();
    return !held.some((object) => present.includes(object));
  });
}

/** Empty for a descriptor that is closed meanwhile. */
function readDescriptor(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
