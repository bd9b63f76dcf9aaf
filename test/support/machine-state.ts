/** The state that tests may leave behind: mounts, cgroups, sysctls, BPF objects, processes and temporary files. */
import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inKernel } from './kernel-objects.ts';
import { mountsOf } from './mounts.ts';

export type MachineState = ReadonlyMap<string, ReadonlySet<string>>;

/** Temporary files that stay on purpose. */
const KEPT = [
  // Podman's folder for the tests' containers, empty after the run.
  /^\/run\/floatie-peers-/,
  // Podman's, for networks.
  /^\/run\/netns$/,
  // npm's own cache of its compiled code.
  /^\/tmp\/node-compile-cache$/,
  /^\/tmp\/(containers-|storage-run-|podman-run-)/,
  /^\/run\/(containers|libpod|crun|runc|lock)$/,
];
/** sysctls that change by themselves. */
const VOLATILE =
  /\/(random\/|ns_last_pid$|pty\/nr$|sched_domain\/|dentry-state$|inode-|file-nr$|aio-nr$|quota\/|kexec_load|tainted$)/;
/** How long the kernel may take to free objects after their owner has ended. */
const SETTLE_MS = 5000;

export function machineState(): MachineState {
  if (process.getuid?.() !== 0) return new Map();
  return new Map<string, ReadonlySet<string>>([
    ['mount', new Set(mountsOf().map(({ target, type }) => `${type} ${target}`))],
    ['cgroup', new Set(cgroups())],
    ['sysctl', new Set(sysctls())],
    ['BPF object', new Set(inKernel())],
    ['process', new Set(processes())],
    ['temporary file', new Set(temporaryFiles())],
  ]);
}

/** The additions since `before`, after a moment for those that are about to go. */
export async function compare(before: MachineState): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const left = [...machineState()].flatMap(([kind, now]) => {
      const more = [...now.difference(before.get(kind) ?? new Set())];
      return more.length === 0 ? [] : [`${kind}: ${more.join(', ')}`];
    });
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(200);
  }
}

function cgroups(): string[] {
  const mounts = mountsOf().filter(({ type }) => type.startsWith('cgroup'));
  return mounts
    .flatMap(({ target }) => globSync(`${target}/**/cgroup.procs`))
    .filter((path) => !(read(path) ?? '').split('\n').some(isOfMachine))
    .map((path) => path.replace(/\/cgroup\.procs$/, ''));
}

function sysctls(): string[] {
  return globSync('/proc/sys/{kernel,vm,fs}/**', { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .filter((path) => !VOLATILE.test(path))
    .flatMap((path) => {
      const value = read(path);
      return value === null ? [] : [`${path.slice('/proc/sys/'.length)} = ${value.trim()}`];
    });
}

/** Processes with a program, so without kernel threads, which come and go. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && !isOfMachine(name))
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`);
      return command === null || command === '' ? [] : [`${pid} ${command.replaceAll('\0', ' ').trim().slice(0, 200)}`];
    });
}

/** Whether a process uses the machine's mounts although the run has its own (.ci/fresh): then no test started it. */
function isOfMachine(pid: string): boolean {
  const machine = process.env.TEST_MACHINE_MOUNTS;
  if (machine === undefined || pid === '') return false;
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`) === machine;
  } catch {
    return false;
  }
}

function temporaryFiles(): string[] {
  return ['/tmp', '/var/tmp', '/dev/shm', '/run']
    .flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
    .filter((path) => !KEPT.some((pattern) => pattern.test(path)));
}

/** null for a file that is missing or not permitted. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
