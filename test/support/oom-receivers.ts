/** The OOM receiver in this process, attached in every way that works here. */
import { fileURLToPath } from 'node:url';
import { Cgroups } from '../../src/containers/cgroups.ts';
import { findHierarchy, mountIdOf } from '../../src/containers/hierarchy.ts';
import { identify } from '../../src/containers/identity.ts';
import type { Place } from '../../src/kernel/raw-path.ts';
import { FileBudget } from '../../src/receivers/file-budget.ts';
import { Owners } from '../../src/receivers/oom/owners.ts';
import { OOM_METHODS, type OomMethod } from '../../src/receivers/oom/probes.ts';
import { OomReceiver } from '../../src/receivers/oom/receiver.ts';
import { OomReconciliation } from '../../src/receivers/oom/reconciliation.ts';
import { OomSource } from '../../src/receivers/oom/source.ts';
import { type FlatRecord, flatten } from '../../src/records/encode.ts';
import { eventually } from './eventually.ts';
import { reportedInFull } from './oom.ts';
import { missing } from './requirements.ts';
import { mountTracefs } from './tracefs.ts';

const HIERARCHY = findHierarchy();

export interface Attached {
  readonly reconciliation: OomReconciliation;
  readonly method: OomMethod;
  readonly receiver: OomReceiver;
  readonly source: OomSource;
  readonly records: FlatRecord[];
  /** The number of kills in the metric. */
  kills(): number;
}

/**
 * Attaches in every way that this kernel allows at the same time, so that all see the same kills. The kernel reports the
 * next kills in full: where nothing better can be attached, whose limit was hit is known from there.
 */
export async function attachAll(): Promise<Disposable & { afterKills(count: number): Promise<readonly Attached[]> }> {
  await reportedInFull();
  const tracefs = mountTracefs();
  const all: Attached[] = [];
  for (const method of OOM_METHODS) {
    try {
      all.push(attach(method));
    } catch (error) {
      // The kernels of the guests support all ways.
      if (method === 'tracepoint' || missing('guest') === false) throw error;
    }
  }
  return {
    async afterKills(count) {
      await eventually(`${count} kills are known`, () =>
        all.every(({ source, kills }) => {
          source.poll();
          return kills() >= count;
        }),
      );
      return all;
    },
    [Symbol.dispose]() {
      for (const { receiver } of all) receiver.stop();
      tracefs[Symbol.dispose]();
    },
  };
}

export function options() {
  const objects = fileURLToPath(new URL(`../../dist/bpf/${process.arch}/`, import.meta.url));
  return {
    pidNsInum: 0,
    cgroupId: 0n,
    cgroupVersion: HIERARCHY.version,
    mountId: mountIdOf(HIERARCHY),
    ringBytes: 1 << 18,
    objects,
  };
}

export function attach(method: OomMethod, ringBytes = 1 << 18): Attached {
  const records: FlatRecord[] = [];
  const cgroups = new Cgroups(HIERARCHY.mount);
  const onCgroup = (id: bigint, place: Place): void => cgroups.tell(id, place);
  const receiver = OomReceiver.start({ ...options(), onCgroup, ringBytes, methods: [method] });
  const seen = (): number => receiver.counts().all;
  const reconciliation = new OomReconciliation({ hierarchy: HIERARCHY, cgroups, seen, isWhole: true });
  const owners = new Owners(HIERARCHY.version, identify, new FileBudget(100));
  const source = new OomSource(receiver, cgroups, {
    maxSeries: 1000,
    retainMs: 60_000,
    cgroupIdOf: (victim) => (HIERARCHY.version === 1 ? victim.memoryCgroupId : victim.defaultCgroupId),
    onVictim: (id) => reconciliation.saw(id),
    ownerOf: (holder) => owners.of(holder),
    onKill: (record) => records.push(flatten(record)),
  });
  const kills = (): number => source.read().reduce((sum, { member }) => sum + (member.totals[0] ?? 0), 0);
  return { method, receiver, reconciliation, source, records, kills };
}

export function pick(record: FlatRecord | undefined, ...names: string[]): unknown[] {
  return names.map((name) => record?.[name]);
}
