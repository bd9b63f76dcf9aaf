/** The kernels that the live tests are run on, and how each is booted. */
import type { Method } from '../../src/receivers/overlayfs/probes.ts';
import { kernelFiles, MEMBERS } from './selection.ts';

export interface Variant {
  readonly name: string;
  /** The Debian suite whose cloud kernel it is. */
  readonly suite: string;
  /**
   * Where the memory controller is: with v1 as on a host of that time, v1 for memory and v2 beside it; with `systemd`
   * that is the first process, in v2.
   */
  readonly cgroup: 'v1' | 'v2' | 'systemd';
  /** The ways to attach to overlayfs that must miss nothing here; any other may, if it counts what it missed. */
  readonly exact: readonly Method[];
  /** The way to attach to overlayfs that `auto` chooses here: the one that is tested without --all; null for none. */
  readonly auto: Method | null;
  /** Tests of what it does not have; any other that is skipped counts as failed. */
  readonly skips: readonly RegExp[];
  /** Test files for this kernel alone. */
  readonly files?: readonly string[];
  /** And with --all. */
  readonly rest?: readonly string[];
  /** Without --all only these files, of what another variant is tested with: they are about what is special here. */
  readonly some?: readonly string[];
  /** The only test files, for a kernel that most of the others do not work on. */
  readonly only?: readonly string[];
  /** More words for the kernel's command line. */
  readonly boot?: string;
  /** The emulated processor, `max` when left out. */
  readonly cpu?: string;
}

/**
 * With an emulated cmpxchg16b it panicked in about a quarter of the boots. Later kernels need it: without, their
 * kmalloc_nolock fails, and so do all that allocate by it, such as task storage.
 */
const CPU_OF_6_12 = 'max,-cx16';

/** Before Linux 5.11 modules have no BTF. */
const FENTRY = /by fentry/;
/** Since Linux 6.18 a task is held up behind its system call. */
const CPU_LIMIT = /the CPU is limited/;
const ONLY_ON_V1 = /memory and swap together|without an OOM killer/;
const ONLY_ON_V2 = /of a whole cgroup|with all of its cgroup/;
/** Since Linux 5.14, with v2. */
const CGROUP_KILL = /a write to cgroup\.kill/;
const LOCKED_DOWN = /locked down/;
/** Since Linux 5.11 that of eBPF is not. */
const LOCKED_MEMORY = /locked memory is short/;

/** Overlayfs is a module in all of them. */
const BUILT_IN = /overlayfs is part of the kernel itself/;
const MEMLOCK = /Linux is older than 5.11/;
/** That starts Floatie, which takes long here. */
const ANOTHER_USER = /another user than root/;
const PARANOID = /perf_event_paranoid is above 2/;
const NOT_PARANOID = /perf_event_paranoid is 2 or less/;

const PRIVILEGES = 'test/live/privileges.test.ts';
const KILLS = 'test/live/kills-guest.test.ts';
const CAUSES = 'test/live/causes.test.ts';
const DOCTOR = 'test/live/doctor-guest.test.ts';

const ALL: readonly Method[] = ['fentry', 'kprobe', 'syscall', 'syscall_classic'];
/** Programs called in these ways run with preemption switched off. */
const NOT_PREEMPTIBLE: readonly Method[] = ['kprobe', 'syscall_classic'];

export const VARIANTS: readonly Variant[] = [
  // No task storage, no bpf_rdonly_cast, no recursion_misses.
  {
    name: '5.10',
    suite: 'bullseye',
    cgroup: 'v2',
    exact: ALL,
    auto: 'kprobe',
    skips: [FENTRY, ONLY_ON_V1, CGROUP_KILL, LOCKED_DOWN, NOT_PARANOID, ANOTHER_USER],
    rest: [DOCTOR, PRIVILEGES],
  },
  {
    name: '5.10-v1',
    suite: 'bullseye',
    cgroup: 'v1',
    exact: ALL,
    auto: 'kprobe',
    skips: [FENTRY, ONLY_ON_V2, CGROUP_KILL],
    some: kernelFiles('capabilities', 'chosen', 'memory-events', 'moves', 'pressure', 'reclaim', 'sigkills'),
  },
  // No bpf_rdonly_cast; rss is not yet a percpu counter.
  {
    name: '6.1',
    suite: 'bookworm',
    cgroup: 'v2',
    exact: ALL,
    auto: 'fentry',
    skips: [ONLY_ON_V1],
    files: [KILLS, MEMBERS],
  },
  {
    name: '6.12',
    suite: 'trixie',
    cgroup: 'v2',
    exact: ALL,
    auto: 'fentry',
    skips: [ONLY_ON_V1, LOCKED_DOWN, LOCKED_MEMORY, BUILT_IN, MEMLOCK, PARANOID, ANOTHER_USER],
    cpu: CPU_OF_6_12,
    // Debian has a level of its own, which 5.10 is tested with.
    boot: 'sysctl.kernel.perf_event_paranoid=2',
    files: ['test/live/io-kinds.test.ts', 'test/live/late-module.test.ts', CAUSES, PRIVILEGES],
    rest: [DOCTOR, 'test/soak/waits-guest.test.ts'],
  },
  // Programs can be preempted, and then other tasks' events pass them by.
  {
    name: '6.12-full',
    suite: 'trixie',
    cgroup: 'v2',
    exact: NOT_PREEMPTIBLE,
    auto: 'kprobe',
    skips: [ONLY_ON_V1],
    cpu: CPU_OF_6_12,
    boot: 'preempt=full',
    some: kernelFiles('misses', 'operations', 'overlayfs', 'sigkills', 'syscalls', 'threads'),
  },
  // As Secure Boot has it at its strictest, and without pressure information.
  {
    name: '6.12-locked',
    suite: 'trixie',
    cgroup: 'v2',
    exact: [],
    auto: null,
    skips: [/./],
    cpu: CPU_OF_6_12,
    boot: 'lockdown=confidentiality psi=0 TEST_LOCKED=1',
    only: [DOCTOR],
  },
  {
    name: '6.12-systemd',
    suite: 'trixie',
    cgroup: 'systemd',
    exact: [],
    auto: null,
    skips: [],
    cpu: CPU_OF_6_12,
    boot: 'systemd.getty_auto=no systemd.show_status=no',
    only: ['test/live/systemd-guest.test.ts', 'test/live/oom-daemons-guest.test.ts'],
  },
  // Preempts lazily, and raw tracepoints too.
  {
    name: 'newest',
    suite: 'sid',
    cgroup: 'v2',
    exact: NOT_PREEMPTIBLE,
    auto: 'kprobe',
    skips: [ONLY_ON_V1, CPU_LIMIT],
    files: [MEMBERS],
  },
];
