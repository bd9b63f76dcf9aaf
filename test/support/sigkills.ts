/** Every kind of SIGKILL, with what Floatie has to say of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { cgroupIdOf, findHierarchy, mountIdOf } from '../../src/containers/hierarchy.ts';
import type { Killer } from '../../src/receivers/kills/killer.ts';
import { KillsReceiver } from '../../src/receivers/kills/receiver.ts';
import { describeStorm } from '../../src/receivers/kills/record.ts';
import { KillsSource } from '../../src/receivers/kills/source.ts';
import { type FlatRecord, flatten } from '../../src/records/encode.ts';
import type { Cgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { hog, limit } from './oom.ts';
import { peer } from './peers.ts';

const HIERARCHY = findHierarchy();

type Named = Pick<Cgroup, 'name'>;

export interface KillsHere extends Disposable {
  /** The records of the cgroup after so many kills in it. */
  after(kills: number, cgroup: Named, timeoutMs?: number): Promise<readonly FlatRecord[]>;
  /** The metric: kills in the cgroup by `killer sender_comm`. */
  counts(cgroup: Named): Record<string, number>;
}

/** The receiver in this process. @param only the cgroup that it is limited to; without it, it follows all of them */
export function attachKills(only?: Named): KillsHere {
  const records: FlatRecord[] = [];
  const cgroups = new Cgroups(HIERARCHY.mount);
  const receiver = KillsReceiver.start({
    pidNsInum: 0,
    cgroupId: only === undefined ? 0n : cgroupIdOf(HIERARCHY, only.name),
    cgroupVersion: HIERARCHY.version,
    mountId: mountIdOf(HIERARCHY),
    onCgroup: (id, place) => cgroups.tell(id, place),
    ringBytes: 1 << 18,
    objects: fileURLToPath(new URL(`../../dist/bpf/${process.arch}/`, import.meta.url)),
  });
  const source = new KillsSource(receiver, cgroups, {
    maxSeries: 1000,
    retainMs: 60_000,
    onStorm: (storm) => records.push(flatten(describeStorm(storm))),
  });
  const samples = ({ name }: Named) =>
    source
      .read()
      .map(({ member: { attributes, totals } }) => ({ attributes, count: totals[0] ?? 0 }))
      .filter(({ attributes }) => attributes.cgroup === name);
  return {
    after(kills, cgroup, timeoutMs) {
      const areKnown = () => {
        source.poll();
        const known = samples(cgroup).reduce((sum, { count }) => sum + count, 0);
        return known >= kills ? records.filter((record) => record.cgroup === cgroup.name) : undefined;
      };
      return eventually(`${kills} kills are known`, areKnown, timeoutMs);
    },
    counts: (cgroup) =>
      Object.fromEntries(
        samples(cgroup).map(({ attributes: { killer, sender_comm }, count }) => [`${killer} ${sender_comm}`, count]),
      ),
    [Symbol.dispose]: () => receiver.stop(),
  };
}

/** What one kill, or one storm of them, has to be. */
export interface Expected {
  /** By `killer sender_comm`. */
  readonly counts: Readonly<Record<string, number>>;
  readonly killer: Killer;
  readonly explanation: RegExp;
}

export interface Kind {
  readonly name: string;
  /** What the machine lacks for it, or null. */
  readonly lacks?: () => string | null;
  /** Kills, and returns when all have ended. */
  kill(cgroup: Cgroup): Promise<Expected>;
}

const V2 = HIERARCHY.version === 2;

export const KINDS: readonly Kind[] = [
  {
    name: 'the OOM killer, at the limit of the cgroup',
    async kill(cgroup) {
      limit(cgroup, 16);
      await once(hog(cgroup, 'greedy', 64), 'exit');
      return {
        counts: { 'kernel_oom kernel': 1 },
        killer: 'kernel_oom',
        explanation: /^greedy \(pid \d+\) was killed by the kernel, because memory ran out: its record at \/oom/,
      };
    },
  },
  {
    name: 'the OOM killer, with all of its cgroup',
    lacks: () => (V2 ? null : 'cgroup v2'),
    async kill(cgroup) {
      limit(cgroup, 16);
      writeFileSync(join(cgroup.path, 'memory.oom.group'), '1');
      const bystanders = await Promise.all([start(cgroup, 'wait'), start(cgroup, 'wait')]);
      const ended = bystanders.map(({ child }) => once(child, 'exit'));
      await once(hog(cgroup, 'greedy', 64), 'exit');
      await Promise.all(ended);
      return {
        counts: { 'kernel_oom kernel': 3 },
        killer: 'kernel_oom',
        explanation: /was killed by the kernel, because memory ran out.*; 2 more processes died/,
      };
    },
  },
  {
    name: 'the OOM killer, with whoever shares the memory',
    async kill(cgroup) {
      limit(cgroup, 32);
      const child = spawn(...cgroup.wrap(fixture('share'), 'clone', '200'), { stdio: ['pipe', 'ignore', 'inherit'] });
      await once(child, 'exit');
      return {
        counts: { 'kernel_oom kernel': 1, 'oom_shared_memory kernel': 1 },
        killer: 'kernel_oom',
        explanation: /was killed by the kernel, because memory ran out.*; 1 more process died/,
      };
    },
  },
  {
    name: 'a write to cgroup.kill',
    lacks() {
      using unified = createUnified();
      return unified === null ? 'cgroup.kill (Linux 5.14 with cgroup v2)' : null;
    },
    async kill(cgroup) {
      using unified = createUnified();
      if (unified === null) throw new Error('no cgroup.kill');
      const all = await Promise.all(Array.from({ length: 5 }, () => start(cgroup, 'wait')));
      // On v2 that is another cgroup than the one that Floatie looks at.
      const folder = V2 ? cgroup.path : unified.path;
      if (!V2) for (const { pid } of all) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
      const ended = all.map(({ child }) => once(child, 'exit'));
      const writer = spawn('sh', ['-c', 'echo 1 >"$1"', 'sh', join(folder, 'cgroup.kill')], { stdio: 'ignore' });
      await Promise.all([...ended, once(writer, 'exit')]);
      return {
        counts: { 'cgroup_kill sh': 5 },
        killer: 'cgroup_kill',
        explanation: new RegExp(`sh \\(pid ${writer.pid}\\) wrote to cgroup.kill; 4 more processes`),
      };
    },
  },
  {
    name: 'the end of its parent',
    async kill(cgroup) {
      const { child } = await start(cgroup, 'child');
      await end(child);
      return {
        counts: { 'parent_death killed': 1 },
        killer: 'parent_death',
        explanation: new RegExp(`because its parent killed \\(pid ${child.pid}\\) ended`),
      };
    },
  },
  {
    name: 'the end of its tracer',
    async kill(cgroup) {
      const { child } = await start(cgroup, 'traced');
      await end(child);
      return {
        counts: { 'parent_death killed': 1 },
        killer: 'parent_death',
        explanation: new RegExp(`because its tracer killed \\(pid ${child.pid}\\) ended`),
      };
    },
  },
  {
    name: 'the end of its init',
    async kill(cgroup) {
      const { child, pid } = await start(cgroup, 'init', '50');
      await end(child);
      return {
        counts: { 'pid_namespace_end init': 50 },
        killer: 'pid_namespace_end',
        explanation: new RegExp(`because init \\(pid ${pid}\\), the first process of its container, ended; 49 more`),
      };
    },
  },
  {
    name: 'a runtime that kills its init after the time to stop',
    async kill(cgroup) {
      const { child, pid } = await start(cgroup, 'init', '50');
      await Promise.all([once(child, 'exit'), sendAs('crun', 200, pid)]);
      return {
        counts: { 'runtime crun': 1, 'pid_namespace_end init': 50 },
        killer: 'runtime',
        explanation:
          /^init .* by crun .*, a container runtime: it did not end within 0\.\d s of SIGTERM, which it ignored; 50 more/,
      };
    },
  },
  {
    name: 'a daemon that frees memory',
    async kill(cgroup) {
      const { child, pid } = await start(cgroup, 'deaf');
      await Promise.all([once(child, 'exit'), sendAs('earlyoom', 50, pid)]);
      return {
        counts: { 'oomd earlyoom': 1 },
        killer: 'oomd',
        explanation: /by earlyoom \(pid \d+\), which frees memory before the kernel has to: it did not end within/,
      };
    },
  },
  {
    name: 'kill -9 from outside',
    async kill(cgroup) {
      const { child, pid } = await start(cgroup, 'wait');
      await Promise.all([once(child, 'exit'), sendAs('operator-17', 0, pid)]);
      return {
        counts: { 'process operator': 1 },
        killer: 'process',
        explanation: /^killed \(pid \d+\) was killed by operator-17 \(pid \d+\), user 0$/,
      };
    },
  },
  {
    name: 'the limit of its CPU time',
    async kill(cgroup) {
      const { child } = await start(cgroup, 'cpu');
      await once(child, 'exit');
      return {
        counts: { 'unknown unknown': 1 },
        killer: 'unknown',
        explanation: /by the kernel on its own account, as at the limit of its CPU time/,
      };
    },
  },
];

/** As Debian's package installs it, which guests have and this machine need not. */
const INSTALLED = '/usr/bin/earlyoom';

/** The real one. It takes memory for always short, and sees the processes of a PID namespace alone. */
export const EARLYOOM: Kind = {
  name: 'earlyoom itself',
  async kill(cgroup) {
    const script = '"$@" & read -r _; "$0" -m 99,99 -s 100,100 --prefer ^killed$ >/dev/null 2>&1 & wait %1';
    const earlyoom = existsSync(INSTALLED) ? INSTALLED : peer('earlyoom');
    const command = ['sh', '-c', script, earlyoom, ...cgroup.wrap(fixture('killed'), 'wait').flat()];
    const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdin.end('\n');
    await ended;
    return {
      counts: { 'oomd earlyoom': 1 },
      killer: 'oomd',
      explanation:
        /^killed \(pid \d+\) was killed by earlyoom \(pid \d+\), which frees memory before the kernel has to/,
    };
  },
};

/** Starts a process of test/fixtures/killed.c in the cgroup. */
export async function start(cgroup: Cgroup, ...args: string[]): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn(...cgroup.wrap(fixture('killed'), ...args), { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  return { child, pid: Number(/\d+/.exec(line)?.[0]) };
}

/** Sends SIGTERM, and after a time SIGKILL, as a process of this name outside of the cgroup. */
export async function sendAs(name: string, ms: number, pid: number): Promise<void> {
  const [code] = await once(
    spawn(fixture('killed'), ['by', name, String(ms), String(pid)], { stdio: 'inherit' }),
    'exit',
  );
  if (code !== 0) throw new Error(`${name} could not kill ${pid}: it ended with ${code}`);
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}

/** A cgroup in the v2 hierarchy; null where that has no cgroup.kill. */
function createUnified(): ({ readonly path: string } & Disposable) | null {
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
  if (mount === undefined) return null;
  const path = mkdtempSync(join(mount, 'floatie-unified-'));
  if (!existsSync(join(path, 'cgroup.kill'))) {
    rmdirSync(path);
    return null;
  }
  return { path, [Symbol.dispose]: () => rmdirSync(path) };
}
