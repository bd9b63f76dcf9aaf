/** What a process holds and uses, as the kernel tells it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Memory {
  readonly residentMb: number;
  /** Heaps and stacks: what is the process' own. */
  readonly anonymousMb: number;
  /** Executables and libraries, which processes share, and mapped maps of BPF. */
  readonly fileMb: number;
  /** Maps of BPF, in the kernel's memory, mapped or not. */
  readonly mapsMb: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (key: string): number => (Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024) / 1e6;
  return {
    residentMb: mb('VmRSS'),
    anonymousMb: mb('RssAnon'),
    fileMb: mb('RssFile') + mb('RssShmem'),
    mapsMb: mapBytes(pid) / 1e6,
  };
}

/** Each map once, however many descriptors it has. */
function mapBytes(pid: number): number {
  const bytes = new Map<string, number>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const text = readOrNothing(`/proc/${pid}/fdinfo/${fd}`);
    const [map, memlock] = ['map_id', 'memlock'].map((key) => new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(text)?.[1]);
    if (map !== undefined) bytes.set(map, Number(memlock));
  }
  return [...bytes.values()].reduce((sum, one) => sum + one, 0);
}

/** The CPU time of all living threads, in ms. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((thread) => Number(readOrNothing(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]));
  return ns.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** A descriptor or a thread may have ended meanwhile. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
