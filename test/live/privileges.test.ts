/** Every row of privileges.ts that this machine offers: with its capabilities it works, with one less it says why not. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Came, Trial } from '../support/attempts.ts';
import type { Capability } from '../support/capabilities.ts';
import { createCgroup } from '../support/cgroup.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { createPidNamespace, type PidNamespace } from '../support/pid-namespace.ts';
import { missing } from '../support/requirements.ts';
import { mountTracefs } from '../support/tracefs.ts';
import { needsOf, PRIVILEGES, type Privilege, USERS, type User } from './privileges.ts';

const ATTEMPTS = fileURLToPath(new URL('../support/attempts.ts', import.meta.url));
const NOBODY = '65534';
/** By its path, because busybox has another one in itself. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path)) ?? 'setpriv';
/** Where raising it is refused, the kernel is one that does not look at it. */
const UNLIMITED = 'ulimit -l unlimited 2>/dev/null || :';
/** Where Debian keeps tools of root. */
const SBIN = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
const WORKS: Came = { run: null, unchecked: null };

suite('capabilities', { skip: missing('root', 'btf', 'pid namespaces') }, () => {
  let tracefs: Disposable;
  let somebody: PidNamespace;
  before(async () => {
    tracefs = mountTracefs();
    somebody = await createPidNamespace();
  });
  after(async () => {
    tracefs[Symbol.dispose]();
    await somebody[Symbol.asyncDispose]();
  });

  for (const privilege of PRIVILEGES) {
    const { what, where, attempt } = privilege;
    const name = `${what}${where === undefined ? '' : `, where ${where.text},`}`.replaceAll('`', '');
    test(`${name} takes those of the table, and says which one is missing`, async (context) => {
      if (where?.isHere() === false) return context.skip('it takes less here');
      const { run } = await come(privilege, 'root', { attempt, capabilities: 'all' });
      if (run !== null) return context.skip(run);
      for (const user of USERS) {
        for (const { trial, says } of trialsOf(privilege, user)) {
          const came = await come(privilege, user, trial);
          const who = `${user} with ${trial.capabilities}`;
          if (says === null) assert.deepEqual(came, WORKS, who);
          else {
            const message = came.run ?? 'it works';
            assert.match(message, says, `${who}: ${message}`);
            assert.notEqual(came.unchecked, null, `the kernel itself lets ${who}`);
          }
        }
      }
    });
  }

  test('SYS_ADMIN stands in for BPF and PERFMON', async () => {
    const trials = (['syscall', 'oom_tracepoint'] as const).map(
      (attempt): Trial => ({ attempt, capabilities: ['SYS_ADMIN'] }),
    );
    assert.deepEqual(await tryAll('nobody', trials, somebody.inum), [WORKS, WORKS]);
  });

  async function come({ lowMemlock }: Privilege, user: User, trial: Trial): Promise<Came> {
    if (lowMemlock) {
      // libbpf raises the limit once in a process.
      const [came = WORKS] = await tryAll(user, [trial], somebody.inum, 'ulimit -l 64');
      return came;
    }
    done[user] ??= tryAll(user, PLAN[user], somebody.inum);
    const came = await done[user];
    return came[PLAN[user].findIndex((planned) => keyOf(planned) === keyOf(trial))] ?? WORKS;
  }
});

suite('another user than root', { skip: missing('root', 'btf', 'setcap') }, () => {
  // Not here, since a suite that is skipped comes past this line and not to its end.
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'floatie-user-'));
    chmodSync(folder, 0o755);
  });
  after(() => rmSync(folder, { recursive: true }));
  const become = `${SETPRIV} --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
  const privileged = (): string => join(folder, 'node');

  for (const { how, prepare = () => {}, command } of [
    {
      how: 'ambient capabilities',
      command: () => `${become} --inh-caps=-all,+bpf,+perfmon --ambient-caps=+bpf,+perfmon ${process.execPath}`,
    },
    {
      how: 'those of a file',
      prepare() {
        copyFileSync(realpathSync(process.execPath), privileged());
        execFileSync('setcap', ['cap_bpf,cap_perfmon+ep', privileged()], { env: SBIN });
      },
      command: () => `${become} ${privileged()}`,
    },
  ]) {
    test(`measures with ${how}`, async () => {
      prepare();
      const node = join(folder, 'start');
      writeFileSync(node, `#!/bin/sh\nexec ${command()} "$@"\n`, { mode: 0o755 });
      await using floatie = await startFloatie([], { command: [node, MAIN] });
      const status = readFileSync(`/proc/${floatie.process.pid}/status`, 'utf8');
      assert.match(status, new RegExp(`^Uid:\\s+${NOBODY}\\b`, 'm'));
      assert.match(status, /^CapEff:\s+000000c000000000$/m);
      using overlay = mountOverlay();
      await using cgroup = createCgroup('nobody');
      cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=100', 'count=123', 'status=none');
      const metrics = await floatie.scrape();
      assert.equal(metrics.sum('floatie_overlayfs_write_latency_us_count', { cgroup: cgroup.name }), 123);
      assert.equal(await floatie.stop(), 0);
    });
  }
});

/** All that one process tries. What can work comes first: libbpf asks the kernel once what it knows. */
const PLAN: Record<User, readonly Trial[]> = { root: planFor('root'), nobody: planFor('nobody') };
const done: Partial<Record<User, Promise<Came[]>>> = {};

function planFor(user: User): Trial[] {
  const rows = PRIVILEGES.filter(({ where, lowMemlock }) => where?.isHere() !== false && !lowMemlock);
  const all = user === 'root' ? rows.map(({ attempt }): Trial => ({ attempt, capabilities: 'all' })) : [];
  const trials = [...all, ...rows.flatMap((row) => trialsOf(row, user).map(({ trial }) => trial))];
  return [...new Map(trials.map((trial) => [keyOf(trial), trial])).values()];
}

function keyOf({ attempt, capabilities }: Trial): string {
  return `${attempt} ${capabilities}`;
}

/** With all that it takes, and with each of them missing. */
function trialsOf(privilege: Privilege, user: User): { readonly trial: Trial; readonly says: RegExp | null }[] {
  const { attempt, lowMemlock = false } = privilege;
  // Of memory the kernel does not ask whose it is.
  if (lowMemlock && user !== 'root') return [];
  const needs = needsOf(privilege, user);
  const all = Object.keys(needs) as Capability[];
  const less = Object.entries(needs).map(([lacking, says]) => {
    const rest = all.filter((capability) => capability !== lacking);
    // It is more than these two, which are what is left of it.
    const capabilities: Capability[] = lacking === 'SYS_ADMIN' ? [...rest, 'BPF', 'PERFMON'] : rest;
    return { trial: { attempt, capabilities }, says };
  });
  return [{ trial: { attempt, capabilities: all }, says: null }, ...less];
}

async function tryAll(user: User, trials: readonly Trial[], inum: number, limit = UNLIMITED): Promise<Came[]> {
  const asNobody = [SETPRIV, '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'];
  const kept = PRIVILEGES.flatMap((privilege) => (privilege.lowMemlock ? [] : Object.keys(needsOf(privilege, user))));
  const set = [...new Set(kept)].map((name) => `+${name.toLowerCase()}`).join();
  const become = user === 'root' ? [] : [...asNobody, `--inh-caps=${set}`, `--ambient-caps=${set}`];
  const command = [...become, process.execPath, ATTEMPTS, String(inum), JSON.stringify(trials)];
  const run = () => promisify(execFile)('sh', ['-c', `${limit}; exec "$@"`, 'sh', ...command]);
  const { stdout } = await run().catch((error: { readonly signal?: string }) => {
    // Emulated CPUs end a process now and then.
    if (missing('guest') !== false || !error.signal) throw error;
    process.stderr.write(`The attempts were ended by ${error.signal}\n`);
    return run();
  });
  return JSON.parse(stdout);
}
