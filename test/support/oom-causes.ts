/** Containers whose memory runs out for a known reason, at many sizes and rates. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, globSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import type { OomCause } from '../../src/receivers/oom/cause.ts';
import { type Cgroup, createCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import type { Floatie } from './floatie.ts';
import { createChild, killsOf, limit, ready, reportedInFull } from './oom.ts';
import { missing } from './requirements.ts';

/** Of each cause in its soak test. */
export const TIMES = 10;
/** By the number of the time. */
const LIMITS_MB = [64, 32, 256, 48, 96, 512, 128, 1024, 192, 2048];
const PROCESSES = [1, 1, 5, 2, 1, 20, 3, 1, 10, 1];
/** Of a whole machine's memory, since others use it. */
const SHARE = 1 / 8;
/** The longest that one takes where the machine is emulated. */
const KILL_MS = 600_000;

export interface Place {
  readonly pod: Cgroup;
  /** The victim's, below the pod. */
  readonly container: Cgroup;
}

export interface StagedCause {
  readonly cause: OomCause;
  /** What the machine lacks for it, or false. */
  readonly lacks?: () => string | false;
  /** It takes long, and can be staged many times at once. */
  readonly isSlow?: boolean;
  /** Lets memory run out. @param at from 0 to {@link TIMES} - 1 */
  stage(place: Place, at: number): Promise<void>;
}

const V1 = findHierarchy().version === 1;
const needsV2 = (): string | false => V1 && 'cgroup v2';
const SYSRQ = '/proc/sysrq-trigger';
const MANY = [30, 40, 60, 100, 35, 50, 80, 30, 45, 70];

export const CAUSES: readonly StagedCause[] = [
  {
    cause: 'leak',
    isSlow: true,
    async stage({ container }, at) {
      const seconds = [36, 60, 40, 200, 90, 50, 160, 75, 45, 120][at] ?? 0;
      limit(container, limitMb(at));
      // It is full before it has all.
      fill(container, 'anon', limitMb(at) * 1.5, seconds * 1.5, PROCESSES[at]);
    },
  },
  {
    cause: 'burst',
    isSlow: true,
    async stage({ container }, at) {
      limit(container, limitMb(at));
      await ready(fill(container, 'anon', limitMb(at) * (0.1 + 0.03 * at)));
      await sleep(1000 * ([7, 9, 6, 30, 12, 20, 8, 16, 40, 10][at] ?? 0));
      fill(container, 'anon', limitMb(at) * 1.5, at / 3, PROCESSES[at]);
    },
  },
  {
    cause: 'tmpfs',
    async stage({ container }, at) {
      limit(container, limitMb(at));
      fill(container, 'shmem', limitMb(at) * 1.5, at, PROCESSES[at]);
    },
  },
  {
    cause: 'kernel_memory',
    async stage({ container }, at) {
      limit(container, limitMb(at));
      const kind = at % 3 === 0 && limitMb(at) <= 64 ? 'stacks' : 'tables';
      fill(container, kind, limitMb(at) * 2, at / 2);
    },
  },
  {
    cause: 'many_processes',
    async stage({ container }, at) {
      limit(container, limitMb(at));
      fill(container, 'anon', limitMb(at) * 1.4, 1 + at / 2, MANY[at]);
    },
  },
  {
    cause: 'sibling',
    async stage({ pod, container }, at) {
      const mb = limitMb(at);
      limit(pod, mb);
      const sibling = createChild(pod, containerName());
      await ready(fill(sibling, 'anon', mb * (0.72 + 0.02 * at), 0, PROCESSES[at]));
      fill(container, 'anon', mb / 2, at / 3, 1, 900);
    },
  },
  {
    cause: 'limit_lowered',
    lacks: needsV2,
    async stage({ container }, at) {
      limit(container, limitMb(at));
      await ready(fill(container, 'anon', limitMb(at) * 0.8, at / 2, PROCESSES[at]));
      // The kernel kills while it writes.
      const file = join(container.path, 'memory.max');
      const bytes = Math.floor(limitMb(at) * (0.1 + 0.06 * at)) << 20;
      spawn('sh', ['-c', 'echo "$1" >"$2"', 'sh', String(bytes), file], { stdio: 'ignore' });
    },
  },
  {
    cause: 'unknown',
    async stage({ container }, at) {
      const mb = limitMb(at);
      limit(container, mb);
      await ready(fill(container, 'shmem', mb * 0.4, at / 2));
      await ready(fill(container, 'tables', mb * 0.15, at / 2));
      fill(container, 'anon', mb, at, 1);
    },
  },
  {
    cause: 'node_pressure',
    lacks: () => missing('guest'),
    stage: async ({ container }) => void fill(container, 'anon', 100_000, 0, 1, 1000),
  },
  {
    cause: 'sysrq',
    lacks: () => missing('guest') || (!existsSync(SYSRQ) && 'sysrq'),
    async stage({ container }, at) {
      await ready(fill(container, 'anon', 10 + 10 * at, 0, 1, 1000));
      writeFileSync(SYSRQ, 'f');
    },
  },
  {
    cause: 'cpuset',
    lacks: () =>
      missing('guest') || needsV2() || (!existsSync('/sys/devices/system/node/node1') && 'a second NUMA node'),
    async stage({ pod, container }) {
      for (const folder of [join(pod.path, '..'), pod.path])
        writeFileSync(join(folder, 'cgroup.subtree_control'), '+cpuset');
      writeFileSync(join(container.path, 'cpuset.mems'), '1');
      fill(container, 'anon', 100_000, 0, 1, 1000);
    },
  },
];

function limitMb(at: number): number {
  const most = (totalmem() * SHARE) / (1 << 20);
  return Math.min(LIMITS_MB[at] ?? 0, Math.max(most, 32));
}

function containerName(): string {
  return `libpod-${randomBytes(32).toString('hex')}`;
}

/** @param oomScoreAdj a value above 0, with which the kernel chooses it rather than others */
function fill(
  { wrap }: Cgroup,
  kind: 'anon' | 'shmem' | 'tables' | 'stacks',
  mb: number,
  seconds = 0,
  processes = 1,
  oomScoreAdj = 0,
): ChildProcess {
  const preferred = ['sh', '-c', 'echo "$0" >/proc/self/oom_score_adj && exec "$@"', String(oomScoreAdj)] as const;
  const command = [fixture('fill'), kind, Math.ceil(mb), seconds, processes].map(String);
  return spawn(...wrap(...preferred, ...command), { stdio: ['pipe', 'pipe', 'ignore'] });
}

/** Lets memory run out, and gives what Floatie says of the first kill. */
export async function recordOf(
  floatie: Floatie,
  { stage }: StagedCause,
  at: number,
): Promise<Readonly<Record<string, unknown>>> {
  const pod = createCgroup('causes');
  const container = createChild(pod, containerName());
  try {
    await stage({ pod, container }, at);
    await eventually('a process is killed', () => killsOf(container) > 0, KILL_MS);
    // No further kills; the others below the pod stay, since Floatie looks whose they are.
    await endIn([container.path]);
    return await eventually('the kill has a record', async () => {
      const { records } = (await (await fetch(new URL('/oom', floatie.url))).json()) as {
        readonly records: readonly Record<string, unknown>[];
      };
      return records.find(({ cgroup }) => cgroup === container.name);
    });
  } finally {
    const folders = [...globSync(join(pod.path, 'libpod-*')), pod.path];
    await endIn(folders);
    // Tasks leave a cgroup a moment after they have ended.
    for (const folder of folders) await eventually('the cgroup can be removed', () => isRemoved(folder));
  }
}

function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
}

/** Ends the processes in these cgroups. */
async function endIn(folders: readonly string[]): Promise<void> {
  await eventually('its processes have ended', () => {
    const pids = folders.flatMap((folder) => readFileSync(join(folder, 'cgroup.procs'), 'utf8').match(/\d+/g) ?? []);
    for (const pid of pids) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {} // it has ended
    }
    return pids.length === 0;
  });
}

/** Stages a cause some times, and asserts that it is named, or that none is. @returns how often each was named */
export async function testCause(floatie: Floatie, cause: StagedCause, times: number): Promise<string> {
  const named = new Map<string, number>();
  const tell: string[] = [];
  const one = async (at: number): Promise<void> => {
    const { cause: found, explanation, memory_source } = await recordOf(floatie, cause, at);
    named.set(String(found), (named.get(String(found)) ?? 0) + 1);
    if (found !== cause.cause) tell.push(`time ${at} (by ${memory_source}): ${explanation}`);
  };
  const all = Array.from({ length: times }, (_, at) => at);
  if (cause.isSlow) await Promise.all(all.map(one));
  for (const at of cause.isSlow ? [] : all) {
    await reportedInFull();
    await one(at);
  }
  const row = [...named].map(([name, count]) => `${name} ${count}`).join(', ');
  const wrong = [...named.keys()].filter((name) => name !== cause.cause && name !== 'unknown');
  assert.deepEqual(wrong, [], tell.join('\n'));
  assert.ok((named.get(cause.cause) ?? 0) >= 0.9 * times, `${row}\n${tell.join('\n')}`);
  return `${cause.cause} was named ${row}`;
}
