/**
 * Floatie's requests to the kernel, one by one. As a program (attempts.ts INUM TRIALS) it tries them with the
 * capabilities in TRIALS and prints the result of each; both are JSON. INUM is the number of a PID namespace with a
 * process.
 */
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { isPidNamespaceInUse } from '../../src/containers/pid-namespace.ts';
import { readPressure } from '../../src/kernel/psi.ts';
import { BpfObject, openKernfsNode, openOnDetachedOverlay } from '../../src/native/index.ts';
import { KillsReceiver } from '../../src/receivers/kills/receiver.ts';
import { Kmsg } from '../../src/receivers/oom/kernel-log.ts';
import { attachOomProbes, type OomMethod } from '../../src/receivers/oom/probes.ts';
import { OomReceiver } from '../../src/receivers/oom/receiver.ts';
import { OverlayfsCounts } from '../../src/receivers/overlayfs/counts.ts';
import { attachProbes, type Method } from '../../src/receivers/overlayfs/probes.ts';
import { OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { ReclaimCounts } from '../../src/receivers/reclaim/counts.ts';
import { type Capability, setEffective } from './capabilities.ts';
import { OPTIONS } from './overlayfs-receiver.ts';

interface Attempt {
  /** As in Floatie. */
  readonly run: () => unknown;
  /** Without Floatie's check of permissions, so that the kernel decides. */
  readonly unchecked?: () => unknown;
}

const SMALL = {
  ...{ pidNsInum: 0, cgroupId: 0n, ringBytes: 1 << 16 },
  ...{ cgroupVersion: OPTIONS.cgroupVersion, objects: OPTIONS.objects },
};

export const ATTEMPTS = {
  fentry: overlayfs('fentry'),
  kprobe: overlayfs('kprobe'),
  syscall: overlayfs('syscall'),
  syscall_classic: overlayfs('syscall_classic'),
  oom_fentry: oom('fentry'),
  oom_kprobe: oom('kprobe'),
  oom_tracepoint: oom('tracepoint'),
  kills: { run: () => KillsReceiver.start(SMALL).stop() },
  reclaim: {
    run: () => ReclaimCounts.start({ ...SMALL, boundsNs: [1000], maxMapEntries: 1, expireMs: 60_000 }).close(),
  },
  kmsg: { run: () => new Kmsg().close() },
  pressure: { run: () => readPressure('/proc/pressure/memory') },
  cgroup_names: { run: openRootCgroup },
  trial: { run: () => openOnDetachedOverlay(1, 1) },
  pid_namespace: { run: lookForPidNamespace },
} as const satisfies Record<string, Attempt>;

export type AttemptName = keyof typeof ATTEMPTS;

export interface Trial {
  readonly attempt: AttemptName;
  readonly capabilities: readonly Capability[] | 'all';
}

/** The reason of the failure, or null. */
export interface Came {
  readonly run: string | null;
  readonly unchecked: string | null;
}

function overlayfs(method: Method): Attempt {
  return {
    run: async () => (await OverlayfsReceiver.start({ ...OPTIONS, attach: method })).stop(),
    unchecked() {
      const counts = new OverlayfsCounts(OPTIONS);
      try {
        attachProbes(counts, method).detach();
      } finally {
        counts.close();
      }
    },
  };
}

function oom(method: OomMethod): Attempt {
  return {
    run: () => OomReceiver.start({ ...SMALL, methods: [method] }).stop(),
    unchecked: () => attachOomProbes(() => BpfObject.open(join(SMALL.objects, 'oom.bpf.o')), [method]).probes.close(),
  };
}

function openRootCgroup(): void {
  const hierarchy = findHierarchy();
  openKernfsNode(openSync(hierarchy.mount ?? '', 'r'), cgroupIdOf(hierarchy, '/'));
}

function lookForPidNamespace(): void {
  const inum = Number(process.argv[2]);
  if (!isPidNamespaceInUse(inum)) throw new Error(`nobody seems to live in ${inum}`);
}

async function messageOf(attempt: () => unknown): Promise<string | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const came: Came[] = [];
  for (const { attempt, capabilities } of JSON.parse(process.argv[3] ?? '') as Trial[]) {
    const { run, unchecked = run }: Attempt = ATTEMPTS[attempt];
    setEffective(capabilities);
    const message = await messageOf(run);
    came.push({ run: message, unchecked: message === null ? null : await messageOf(unchecked) });
  }
  process.stdout.write(JSON.stringify(came));
}
