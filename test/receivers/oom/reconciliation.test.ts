import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { Cgroups } from '../../../src/containers/cgroups.ts';
import { OomReconciliation } from '../../../src/receivers/oom/reconciliation.ts';

let folder: string;
let mount: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'floatie-reconcile-'));
  mount = join(folder, 'cgroup');
  mkdirSync(mount);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** What the kernel counts, on a machine that is made of files. */
class Machine {
  readonly version: 1 | 2;
  readonly cgroups = new Cgroups(mount);
  readonly vmstat = join(folder, 'vmstat');
  /** By Floatie, since it started. */
  seen = 0;

  constructor(version: 1 | 2 = 2) {
    this.version = version;
    this.countInAll(0);
  }

  countInAll(kills: number): void {
    writeFileSync(this.vmstat, `nr_free_pages 5\noom_kill ${kills}\n`);
  }

  /** @returns the id of the cgroup */
  countIn(name: string, kills: number): bigint {
    mkdirSync(join(mount, name), { recursive: true });
    const file = this.version === 1 ? 'memory.oom_control' : 'memory.events.local';
    writeFileSync(join(mount, name, file), `oom_kill_disable 0\noom 9\noom_kill ${kills}\noom_group_kill 8\n`);
    return statSync(join(mount, name), { bigint: true }).ino;
  }

  start(isWhole = true, lookMs = 10_000): OomReconciliation {
    const { cgroups, vmstat, version } = this;
    const seen = (): number => this.seen;
    return new OomReconciliation({ hierarchy: { version, mount }, cgroups, seen, isWhole, vmstat, lookMs });
  }
}

suite('the difference between the kernel’s count of kills and ours', () => {
  test('is of those since the start', () => {
    const machine = new Machine();
    machine.countInAll(10);
    machine.seen = 2; // before anybody could compare
    const reconciliation = machine.start();
    machine.countInAll(15);
    machine.seen = 6;
    assert.equal(reconciliation.differences().vmstat, 1);
  });

  test('is absent where the kernel’s count cannot be read', () => {
    const machine = new Machine();
    const reconciliation = machine.start();
    rmSync(machine.vmstat);
    assert.deepEqual(reconciliation.differences(), { memory_events: 0 });
  });

  for (const version of [1, 2] as const) {
    test(`in cgroups of v${version} is of those that lost a process since the start`, () => {
      const machine = new Machine(version);
      const [old, idle] = [machine.countIn('old', 3), machine.countIn('idle', 7)];
      const reconciliation = machine.start();
      machine.countIn('old', 5);
      const young = machine.countIn('young', 1);
      machine.cgroups.learn([old, idle, young]);
      for (const id of [old, old, young]) reconciliation.saw(id);
      assert.equal(reconciliation.differences().memory_events, 0);
      machine.countIn('young', 3);
      assert.equal(reconciliation.differences().memory_events, 2);
    });
  }

  test('leaves out cgroups that are gone', () => {
    const machine = new Machine();
    const reconciliation = machine.start();
    const id = machine.countIn('short', 2);
    machine.cgroups.learn([id]);
    reconciliation.saw(id);
    assert.equal(reconciliation.differences().memory_events, 1);
    rmSync(join(mount, 'short'), { recursive: true });
    assert.equal(reconciliation.differences().memory_events, 0);
  });

  test('is not made in cgroups where looking at all of them would take too long', () => {
    const machine = new Machine();
    machine.countIn('one', 1);
    assert.deepEqual(machine.start(true, 0).differences(), { vmstat: 0 });
  });

  test('is not made in cgroups while a filter leaves kills out', () => {
    assert.deepEqual(new Machine().start(false).differences(), { vmstat: 0 });
  });
});
