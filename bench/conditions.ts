/** What the numbers depend on. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release } from 'node:os';

export function printConditions(): void {
  const processors = cpus();
  const machine = `Linux ${release()}, ${processors.length} × ${processors[0]?.model}, Node ${process.version}`;
  process.stdout.write(`${machine}, load ${loadavg()[0]?.toFixed(1)}; every result is a median (min–max)\n`);
  const others = attachedPrograms();
  if (others > 0)
    process.stdout.write(`${others} BPF programs of others are attached: they slow down all that follows\n`);
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
