/**
 * Floatie's cost in the kernel: the memory of its BPF maps and, while the kernel counts it, the time of its programs.
 */
import { readdirSync } from 'node:fs';
import { monotonicMs } from '../program/clock.ts';
import { readOrNull } from '../program/read-or-null.ts';

export interface KernelCosts {
  readonly mapBytes: number;
  /** null while the kernel does not count runs (`sysctl kernel.bpf_stats_enabled=1`). */
  readonly programs: { readonly runs: number; readonly runTimeNs: number } | null;
}

type Counted = { readonly runs: number; readonly runTimeNs: number };

/** How long a reading is reused, in ms, since each descriptor costs some µs. */
const LOOK_MS = 5000;

export class KernelCostsReader {
  readonly #folder: string;
  /** By program, including unloaded ones, so that the sums never fall. */
  readonly #programs = new Map<string, Counted>();
  #last: { readonly costs: KernelCosts; readonly atMs: number } | null = null;

  /** @param folder the fdinfo of this process's descriptors */
  constructor(folder = '/proc/self/fdinfo') {
    this.#folder = folder;
  }

  read(nowMs = monotonicMs()): KernelCosts {
    if (this.#last === null || nowMs - this.#last.atMs >= LOOK_MS) this.#last = { costs: this.#look(), atMs: nowMs };
    return this.#last.costs;
  }

  #look(): KernelCosts {
    const maps = new Map<string, number>();
    for (const fd of readdirSync(this.#folder)) {
      const text = readOrNull(`${this.#folder}/${fd}`);
      if (text === null) continue; // closed since
      const fields = parseFdinfo(text);
      const [map, program] = [fields.get('map_id'), fields.get('prog_id')];
      // A map that several descriptors share counts once. The descriptor of a link names a program, too, but has no
      // counts.
      if (map !== undefined) maps.set(map, Number(fields.get('memlock') ?? 0));
      const [runs, runTimeNs] = [Number(fields.get('run_cnt') ?? 0), Number(fields.get('run_time_ns') ?? 0)];
      if (program !== undefined && runs > 0) this.#programs.set(program, { runs, runTimeNs });
    }
    const programs = [...this.#programs.values()].reduce<Counted | null>(
      (sum, { runs, runTimeNs }) => ({
        runs: (sum?.runs ?? 0) + runs,
        runTimeNs: (sum?.runTimeNs ?? 0) + runTimeNs,
      }),
      null,
    );
    return { mapBytes: [...maps.values()].reduce((sum, bytes) => sum + bytes, 0), programs };
  }
}

/** `name:	value` lines. */
export function parseFdinfo(text: string): Map<string, string> {
  return new Map(Array.from(text.matchAll(/^(\w+):\s*(.*)$/gm), ([, name = '', value = '']) => [name, value]));
}
