/** Boots one guest in QEMU by plain emulation, and listens until it is off. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type GuestLine, parseGuestLine, type TestResult } from './results.ts';

export interface Machine {
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
  readonly cpu: string;
  readonly commandLine: string;
  /** The file that takes what the guest prints on its console. */
  readonly console: string;
}

export interface Run {
  readonly results: readonly TestResult[];
  /** What `uname -r` says; empty when the guest was never ready. */
  readonly release: string;
  /** Why the run is not complete, or null. */
  readonly problem: string | null;
  readonly bootMs: number;
  readonly totalMs: number;
}

/** As long as this takes on a busy machine, and no longer. */
const BOOT_MS = 120_000;

const MEMORY_MB = 1024;
/** On a NUMA node of its own, which a cpuset can be confined to. Larger than Floatie, which else would be killed first. */
const FAR_MB = 256;

/** Rejects only when QEMU itself cannot be run. */
export async function boot(machine: Machine, deadlineMs: number): Promise<Run> {
  const started = performance.now();
  const results: TestResult[] = [];
  let release = '';
  let bootMs = 0;
  let running = '';
  let ended = false;
  let problem: string | null = null;

  const qemu = spawn('qemu-system-x86_64', qemuArguments(machine), { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(qemu, 'exit');
  const end = (): boolean => qemu.kill('SIGKILL');
  process.once('exit', end);
  const giveUp = (reason: () => string): void => {
    problem = reason();
    end();
  };
  let deadline = setTimeout(giveUp, BOOT_MS, () => `did not come up within ${BOOT_MS / 1000} s`);
  const take = (line: GuestLine): void => {
    switch (line.type) {
      case 'ready':
        ({ release } = line);
        bootMs = performance.now() - started;
        clearTimeout(deadline);
        deadline = setTimeout(giveUp, deadlineMs, () => `was not done after ${deadlineMs / 1000} s, in ${running}`);
        break;
      case 'begin':
        running = `"${line.name}" (${line.file})`;
        break;
      case 'test':
        results.push(line);
        break;
      case 'found': {
        const test = results.pop();
        if (test !== undefined) results.push({ ...test, found: line.found });
        break;
      }
      case 'end':
        ended = true;
    }
  };
  createInterface({ input: qemu.stdout }).on('line', (text) => {
    const line = parseGuestLine(text);
    if (line !== null) take(line);
  });
  await exited;
  process.off('exit', end);
  clearTimeout(deadline);
  if (!ended) problem ??= `went off ${running === '' ? 'before its first test' : `in ${running}`}`;
  return { results, release, problem, bootMs, totalMs: performance.now() - started };
}

/** @param cpus none: a node of memory alone */
function numaNode(id: number, megabytes: number, cpus = ''): string[] {
  const memory = `memory${id}`;
  return [
    ...['-object', `memory-backend-ram,id=${memory},size=${megabytes}M`],
    ...['-numa', `node,nodeid=${id},memdev=${memory}${cpus}`],
  ];
}

function qemuArguments({ cpu, kernel, initrd, disk, commandLine, console }: Machine): string[] {
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', cpu, '-smp', '2', '-m', `${MEMORY_MB + FAR_MB}`, '-no-reboot'],
    ...numaNode(0, MEMORY_MB, ',cpus=0-1'),
    ...numaNode(1, FAR_MB),
    ...['-nodefaults', '-display', 'none', '-serial', `file:${console}`, '-serial', 'stdio'],
    ...['-drive', `if=none,id=disk,format=raw,snapshot=on,file=${disk}`, '-device', 'virtio-blk-pci,drive=disk'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', commandLine],
  ];
}
