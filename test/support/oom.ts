/** Processes that allocate memory in cgroups with a limit. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { readOrNull } from '../../src/program/read-or-null.ts';
import { type Cgroup, createCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { reportedKills } from './kernel-log.ts';

const V1 = findHierarchy().version === 1;

export function limit(cgroup: Cgroup, megabytes: number): void {
  const file = V1 ? 'memory.limit_in_bytes' : 'memory.max';
  writeFileSync(join(cgroup.path, file), `${megabytes * 2 ** 20}`);
}

/** A child cgroup, to which the parent's limit applies, too. */
export function createChild(parent: Cgroup, label: string): Cgroup {
  const inherit = join(parent.path, 'memory.use_hierarchy'); // before Linux 5.11
  if (!V1) writeFileSync(join(parent.path, 'cgroup.subtree_control'), '+memory');
  else if (existsSync(inherit) && readFileSync(inherit, 'utf8').trim() === '0') writeFileSync(inherit, '1');
  return createCgroup(label, `${parent.name.slice(1)}/${label}`);
}

/** The kernel's own count of kills in a cgroup. */
export function killsOf(cgroup: Cgroup): number {
  const text = readFileSync(join(cgroup.path, V1 ? 'memory.oom_control' : 'memory.events'), 'utf8');
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1]);
}

/** The most memory that the cgroup has had, in bytes; NaN where the kernel does not tell (cgroup v2 before 5.19). */
export function peakOf(cgroup: Cgroup): number {
  return Number(readOrNull(join(cgroup.path, V1 ? 'memory.max_usage_in_bytes' : 'memory.peak')) ?? Number.NaN);
}

/** How often the kernel has decided to let a cgroup of v2 die as a whole: once, where it does not tell (before 5.17). */
export function groupKillsOf(cgroup: Cgroup): number {
  const text = readFileSync(join(cgroup.path, 'memory.events'), 'utf8');
  return Number(/^oom_group_kill (\d+)$/m.exec(text)?.[1] ?? 1);
}

/**
 * Allocates memory, prints "ready", and waits for the end of its standard input.
 *
 * @param thread allocates in a thread of this name instead of the main thread
 */
export function hog(cgroup: Cgroup, name: string, megabytes: number, thread?: string): ChildProcess {
  const [command, args] = cgroup.wrap(
    fixture('hog'),
    name,
    String(megabytes),
    ...(thread === undefined ? [] : [thread]),
  );
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Waits until the process has its memory. Throws when it ends before. */
export async function ready(child: ChildProcess): Promise<void> {
  if (child.stdout === null) return;
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`it ended with ${code ?? signal} before it had its memory`);
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
}

/** Waits until the kernel has freed the memory of a cgroup's ended processes. */
export async function emptied(cgroup: Cgroup): Promise<void> {
  const file = join(cgroup.path, V1 ? 'memory.usage_in_bytes' : 'memory.current');
  await eventually('their memory is free', () => Number(readFileSync(file, 'utf8')) < 4 << 20);
}

/** @returns the pids of the killed processes, each in a cgroup of its own */
export async function killTenAtOnce(name: string): Promise<number[]> {
  const cgroups = Array.from({ length: 10 }, () => createCgroup(name));
  try {
    for (const cgroup of cgroups) limit(cgroup, 16);
    const hogs = cgroups.map((cgroup, index) => hog(cgroup, `${name}.${index}`, 64));
    await Promise.all(hogs.map((child) => once(child, 'exit')));
    const counts = cgroups.map(killsOf);
    if (counts.some((count) => count !== 1)) throw new Error(`the kernel killed ${counts}`);
    return hogs.map(({ pid = 0 }) => pid);
  } finally {
    for (const cgroup of cgroups) await cgroup.remove();
  }
}

/** Long reports that the kernel prints in five seconds; and how many of them must be left. */
const REPORTS = 10;
const LEFT = 4;
const INTERVAL_S = 5;

/** Waits until the kernel prints long reports of the next kills: it prints at most ten in five seconds. */
export async function reportedInFull(): Promise<void> {
  const cgroup = createCgroup('reported');
  try {
    limit(cgroup, 16);
    await eventually('the kernel reports kills in full', async () => {
      const child = hog(cgroup, 'reported', 64);
      await once(child, 'exit');
      const reports = reportedKills().filter(({ taskMemcg }) => taskMemcg !== undefined);
      const now = reports.findLast(({ pid }) => pid === child.pid)?.atS;
      if (now !== undefined && reports.filter(({ atS }) => atS > now - INTERVAL_S).length <= REPORTS - LEFT)
        return true;
      // Every further try is a kill, too.
      await sleep(1000 * INTERVAL_S);
      return false;
    });
  } finally {
    await cgroup.remove();
  }
}
