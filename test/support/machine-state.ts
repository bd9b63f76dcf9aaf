/** What tests could leave on a machine: mounts, cgroups, sysctls, BPF objects, processes, and temporary files. */
import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inKernel } from './kernel-objects.ts';
import { mountsOf } from './mounts.ts';

export type MachineState = ReadonlyMap<string, ReadonlySet<string>>;

/** Names of temporary files that are kept on purpose. */
const KEPT = [
  // Where the containers of the tests are while they run: empty, and podman's own.
  /^\/run\/floatie-peers-/,
  // Podman's, for networks.
  /^\/run\/netns$/,
  // npm's own cache of its compiled code.
  /^\/tmp\/node-compile-cache$/,
  /^\/tmp\/(containers-|storage-run-|podman-run-)/,
  /^\/run\/(containers|libpod|crun|runc|lock)$/,
];
/** Values that change by themselves. */
const VOLATILE =
  /\/(random\/|ns_last_pid$|pty\/nr$|sched_domain\/|dentry-state$|inode-|file-nr$|aio-nr$|quota\/|kexec_load|tainted$)/;
/** How long the kernel may take to free what its owner has left. */
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

/** What is there now and was not; waits a moment for what is about to go. */
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

/** Those with a program; the kernel's own threads come and go. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && !isOfMachine(name))
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`);
      return command === null || command === '' ? [] : [`${pid} ${command.replaceAll('\0', ' ').trim().slice(0, 200)}`];
    });
}

/** Where the run has mounts of its own (.ci/fresh), a process that has the machine's is none of a test's. */
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

/** null for what is gone, or may not be read. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
