/** What Floatie may do with which capabilities: the least set for each thing, as docs/privileges.md shows it. */
import { existsSync, readFileSync } from 'node:fs';
import type { AttemptName } from '../support/attempts.ts';
import type { Capability } from '../support/capabilities.ts';

/** The least set, each with what is said where this one alone is missing. */
type Needs = Readonly<Partial<Record<Capability, RegExp>>>;

export interface Privilege {
  readonly what: string;
  /** Where it takes that; elsewhere it takes less. */
  readonly where?: { readonly text: string; readonly isHere: () => boolean };
  readonly attempt: AttemptName;
  readonly needs: Needs;
  /** What another user than root needs besides, because the files are root's. */
  readonly notAsRoot?: Needs;
  /** With no more locked memory than 64 KiB. */
  readonly lowMemlock?: boolean;
  /** What becomes of it without. */
  readonly without: string;
}

const LOADING: Needs = {
  BPF: /lacks CAP_BPF \(run it as root, or with --cap-add BPF/,
  PERFMON: /lacks CAP_PERFMON \(run it as root, or with .*--cap-add PERFMON/,
};
/** Debian and Ubuntu have levels above 2, at which every event of perf takes this one. */
const EVENTS: Needs = { SYS_ADMIN: /perf_event_paranoid.*CAP_SYS_ADMIN/ };
const WRITING_TRACEFS: Needs = { DAC_OVERRIDE: /tracefs .*root, or with CAP_DAC_OVERRIDE/ };
const READING_TRACEFS: Needs = { DAC_READ_SEARCH: /tracefs.*root, or with CAP_DAC_READ_SEARCH/ };
const isParanoid = (): boolean => Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8')) > 2;
const NOT_PARANOID = { text: '`kernel.perf_event_paranoid` is 2 or less', isHere: () => !isParanoid() };
const PARANOID = { text: '`kernel.perf_event_paranoid` is above 2', isHere: isParanoid };
const OVERLAY_IS_MODULE = '/sys/kernel/btf/overlay';

export const PRIVILEGES: readonly Privilege[] = [
  {
    what: 'overlayfs by `fentry`',
    where: { text: 'overlayfs is part of the kernel itself', isHere: () => !existsSync(OVERLAY_IS_MODULE) },
    attempt: 'fentry',
    needs: LOADING,
    without: 'Floatie does not start',
  },
  {
    what: 'overlayfs by `fentry`',
    where: { text: 'overlayfs is a module', isHere: () => existsSync(OVERLAY_IS_MODULE) },
    attempt: 'fentry',
    needs: { SYS_ADMIN: /BTF.* module.*CAP_SYS_ADMIN/ },
    without: 'the next way is taken',
  },
  {
    what: 'overlayfs by `kprobe`',
    where: NOT_PARANOID,
    attempt: 'kprobe',
    needs: LOADING,
    notAsRoot: WRITING_TRACEFS,
    without: 'the next way is taken',
  },
  {
    what: 'overlayfs by `kprobe`',
    where: PARANOID,
    attempt: 'kprobe',
    needs: EVENTS,
    notAsRoot: WRITING_TRACEFS,
    without: 'the next way is taken',
  },
  { what: 'overlayfs by `syscall`', attempt: 'syscall', needs: LOADING, without: 'Floatie does not start' },
  {
    what: 'overlayfs by `syscall_classic`',
    where: NOT_PARANOID,
    attempt: 'syscall_classic',
    needs: LOADING,
    notAsRoot: READING_TRACEFS,
    without: 'a way that misses something is kept',
  },
  {
    what: 'overlayfs by `syscall_classic`',
    where: PARANOID,
    attempt: 'syscall_classic',
    needs: EVENTS,
    notAsRoot: READING_TRACEFS,
    without: 'a way that misses something is kept',
  },
  { what: 'OOM kills by `fentry`', attempt: 'oom_fentry', needs: LOADING, without: 'Floatie does not start' },
  {
    what: 'OOM kills by `kprobe`',
    where: NOT_PARANOID,
    attempt: 'oom_kprobe',
    needs: LOADING,
    notAsRoot: WRITING_TRACEFS,
    without: 'the next way is taken',
  },
  {
    what: 'OOM kills by `kprobe`',
    where: PARANOID,
    attempt: 'oom_kprobe',
    needs: EVENTS,
    notAsRoot: WRITING_TRACEFS,
    without: 'the next way is taken',
  },
  { what: 'OOM kills by `tracepoint`', attempt: 'oom_tracepoint', needs: LOADING, without: 'Floatie does not start' },
  { what: 'every SIGKILL', attempt: 'kills', needs: LOADING, without: 'Floatie does not start' },
  { what: 'reclaims of memory', attempt: 'reclaim', needs: LOADING, without: 'Floatie does not start' },
  {
    what: "the kernel's report of an OOM kill",
    where: {
      text: '`kernel.dmesg_restrict` is 1',
      isHere: () => readFileSync('/proc/sys/kernel/dmesg_restrict', 'utf8').trim() === '1',
    },
    attempt: 'kmsg',
    needs: { SYSLOG: /EPERM.*\/dev\/kmsg/ },
    without: 'records lack the exact numbers, and by `tracepoint` the `scope`',
  },
  { what: 'memory pressure', attempt: 'pressure', needs: {}, without: '–' },
  {
    what: "a cgroup's path by one look",
    attempt: 'cgroup_names',
    needs: { DAC_READ_SEARCH: /needs CAP_DAC_READ_SEARCH/ },
    without: 'a walk through all cgroups; those gone by then are `unknown`',
  },
  {
    what: 'the trial of each way before it is taken',
    attempt: 'trial',
    needs: { SYS_ADMIN: /needs CAP_SYS_ADMIN/ },
    without: 'the first way that attaches is taken, and left once it misses something',
  },
  {
    what: 'is a `--pid-ns-inum` one of this machine',
    attempt: 'pid_namespace',
    needs: { SYS_PTRACE: /nobody seems to live in/ },
    without: 'a warning that may not be right; it counts all the same',
  },
  {
    what: 'maps and programs of more than `ulimit -l`',
    where: { text: 'Linux is older than 5.11', isHere: isMemlockCharged },
    attempt: 'syscall',
    lowMemlock: true,
    needs: { ...LOADING, SYS_RESOURCE: /locked memory.*SYS_RESOURCE/ },
    without: 'Floatie does not start, unless who starts it raises the limit',
  },
];

export const USERS = ['root', 'nobody'] as const;
export type User = (typeof USERS)[number];

/** The least set for a user. */
export function needsOf({ needs, notAsRoot = {} }: Privilege, user: User): Needs {
  return user === 'root' ? needs : { ...needs, ...notAsRoot };
}

/** Since 5.11 the memory of BPF is a cgroup's. */
function isMemlockCharged(): boolean {
  const [major = 0, minor = 0] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number);
  return major < 5 || (major === 5 && minor < 11);
}
