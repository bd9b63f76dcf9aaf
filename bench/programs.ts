/**
 * How much longer real programs take, in a container, while Floatie measures them; and how much more CPU time, which other
 * load on the machine disturbs less.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findV2Mount } from '../src/containers/hierarchy.ts';
import { podman, startContainer } from '../test/support/podman.ts';
import { EVERY_OPERATION } from '../test/support/waits.ts';
import { Missing } from './missing.ts';
import type { Bench, Part } from './part.ts';
import { pathOf } from './peers.ts';
import { OURS } from './results.ts';
import { rotated } from './rounds.ts';
import { sleep } from './stopping.ts';
import { type Attach, attachBpftrace, attachEmptyPair, attachFloatie, attachNothing } from './tracers.ts';

const ROUNDS = 5;
/** Until Floatie has nothing to do any more with its own start. */
const SETTLE_MS = 3000;
const BASELINE = 'nothing attached';
/** The least that it can cost to follow all calls, and to follow no others than 23 that Floatie follows. */
const EMPTY = 'an empty pair of programs';
const FOLLOWED = 'empty programs at the followed calls';
const ALL = `${OURS}, all operations`;
/** Of what a program takes without Floatie. */
const AIM = 1.02;

/** Follows the name of what takes it. */
const CPU = ', CPU time';
const PGBENCH = 'a transaction of pgbench -S';
const CLIENTS = 4;
/** The time that a shell takes for each, in ns, without what podman takes. */
const TIMED: Readonly<Record<string, string>> = {
  'npm ci':
    'cd /opt/project && /opt/node/node /opt/node/npm/bin/npm-cli.js ci --omit=dev --offline --ignore-scripts --no-audit --no-fund --cache /opt/npm-cache',
  'a C build':
    'cd /opt/sources && for turn in 1 2 3 4; do for name in hog io kinds share; do gcc -O1 -c $name.c -o /tmp/$name.o; done; done',
  'git status': 'cd /opt/tree && git status --short',
};

export const programs: Part = { title: 'Programs in a container', measure };

async function measure({ trees, results, rounds }: Bench): Promise<void> {
  using container = start();
  const inside = (script: string): string => podman('exec', container.id, 'sh', '-c', script);
  inside('pg_ctlcluster 15 main start && su postgres -c "pgbench -q -i -s 5" 2>&1');
  for (const script of Object.values(TIMED)) inside(script);
  const stat = join(
    findV2Mount() ?? '',
    cgroupOf(podman('inspect', '--format', '{{.State.Pid}}', container.id)),
    'cpu.stat',
  );
  /** Of all that runs in the container. */
  const cpuUs = (): number => numberIn(readFileSync(stat, 'utf8'), /^usage_usec (\d+)/m);

  const [first] = trees;
  const tracers = new Map<string, Attach>([
    [BASELINE, attachNothing],
    [EMPTY, attachEmptyPair],
    [FOLLOWED, () => attachBpftrace('followed-calls.bt')],
    ...trees.map((tree): [string, Attach] => [tree.name, () => attachFloatie(tree)]),
    [ALL, () => attachFloatie(first, EVERY_OPERATION)],
  ]);
  const measureUnder = async (name: string, attach: Attach): Promise<void> => {
    await using _ = await attach();
    await sleep(SETTLE_MS);
    for (const [what, script] of Object.entries(TIMED)) {
      const before = cpuUs();
      results.add(what, name, 'ms', msOf(inside, script));
      results.add(`${what}${CPU}`, name, 'ms', (cpuUs() - before) / 1000);
    }
    const before = cpuUs();
    const said = inside(`su postgres -c "pgbench -nS -c ${CLIENTS} -T 2"`);
    const used = cpuUs() - before;
    results.add(PGBENCH, name, 'µs', (1e6 * CLIENTS) / numberIn(said, /^tps = ([\d.]+)/m));
    results.add(`${PGBENCH}${CPU}`, name, 'µs', used / numberIn(said, /actually processed: (\d+)/));
  };
  for (let round = 0; round < rounds(ROUNDS); round++) {
    for (const [name, attach] of rotated([...tracers], round)) {
      try {
        await measureUnder(name, attach);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        results.note(`Not measured: ${error.message}`);
        tracers.delete(name);
      }
    }
  }
  for (const peer of [EMPTY, FOLLOWED]) results.compare(peer, BASELINE);
  for (const name of [...trees.map((tree) => tree.name), ALL]) {
    results.compare(name, BASELINE);
    results.compare(name, EMPTY);
    for (const what of [PGBENCH, ...Object.keys(TIMED)])
      for (const row of [what, `${what}${CPU}`]) results.aim(row, name, { atMost: AIM, of: BASELINE });
  }
}

/** Throws {@link Missing} where containers cannot run. */
function start(): ReturnType<typeof startContainer> {
  try {
    return startContainer('--network=none', pathOf('waits'), 'sleep', '1000');
  } catch (cause) {
    throw new Missing('containers cannot run here', { cause });
  }
}

function msOf(inside: (script: string) => string, script: string): number {
  const [from = 0, to = 0] = inside(`date +%s%N; { ${script}; } >/dev/null; date +%s%N`).split('\n').map(Number);
  return (to - from) / 1e6;
}

/** The path of a process' cgroup in v2. */
function cgroupOf(pid: string): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}
