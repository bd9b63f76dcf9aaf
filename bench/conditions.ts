/** What the numbers depend on. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Conditions {
  /** In UTC. */
  readonly when: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGb: number;
  readonly node: string;
  /** The mean number of runnable tasks in the minute before. */
  readonly load: number;
  /** BPF programs of others that are attached to events: they slow down what is measured. */
  readonly otherPrograms: number;
  /** With a part of the rounds only. */
  readonly quick: boolean;
}

export function conditionsNow(quick: boolean): Conditions {
  const processors = cpus();
  return {
    when: new Date().toISOString(),
    kernel: release(),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cpus: processors.length,
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    otherPrograms: attachedPrograms(),
    quick,
  };
}

export function describeConditions(conditions: Conditions): string {
  const { kernel, cpu, cpus, memoryGb, node, load, otherPrograms, quick } = conditions;
  const others = otherPrograms > 0 ? `, ${otherPrograms} BPF programs of others attached` : '';
  const rounds = quick ? ' of few rounds' : '';
  const machine = `Linux ${kernel}, ${cpus} × ${cpu}, ${memoryGb} GB, Node ${node}`;
  return `${machine}, load ${load}${others}; every result is a median (min–max)${rounds}`;
}

/** How many BPF programs are attached to events; 0 where that cannot be known. */
function attachedPrograms(): number {
  try {
    const lists = ['link', 'perf'].map((kind) => execFileSync('bpftool', ['-j', kind, 'show'], { stdio: 'pipe' }));
    return lists.reduce((sum, list) => sum + (JSON.parse(list.toString()) as unknown[]).length, 0);
  } catch {
    return 0;
  }
}
