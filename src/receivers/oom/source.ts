/** The OOM receiver as a source of metrics: kills by trigger, victim and scope. */
import type { Attributes } from '@opentelemetry/api';
import type { Cgroups } from '../../containers/cgroups.ts';
import { type Identity, identify } from '../../containers/identity.ts';
import type { Sample, Source } from '../../metrics/registry.ts';
import { monotonicMs, toHrTime, wallMs } from '../../program/clock.ts';
import { normaliseComm } from '../comm.ts';
import { OTHER, RecentCounts, type RecentSeries } from '../recent-counts.ts';
import type { OomVictim } from './events.ts';
import type { OomKill } from './kills.ts';
import { metrics } from './metrics.ts';
import type { OomReceiver } from './receiver.ts';
import { describeKill, type OomSurroundings } from './record.ts';
import type { OomKillRecord } from './record-schema.ts';

export interface OomSourceOptions {
  /** The limit of series; the most recent ones are kept. */
  readonly maxSeries: number;
  /** How long a series is kept after its last kill, in ms. */
  readonly retainMs: number;
  /** Called once for each decision of the OOM killer. */
  readonly onKill: (record: OomKillRecord) => void;
  readonly cgroupIdOf: OomSurroundings['cgroupIdOf'];
  readonly momentOf?: OomSurroundings['momentOf'];
  readonly ownerOf?: OomSurroundings['ownerOf'];
  readonly pastOf?: NonNullable<OomSurroundings['pastOf']>;
  /** Called for each killed process with the cgroup in which the kernel counts it. */
  readonly onVictim?: (memoryCgroupId: bigint) => void;
}

const MAX_NAMED = 1000;

/** The bounds of a place: series with both names, and series with the victim's name only. */
const MAX_PAIRS = 100;
const MAX_VICTIMS = 200;

const UNKNOWN: Attributes = { trigger_comm: 'unknown', victim_comm: 'unknown', scope: 'unknown' };

export class OomSource implements Source {
  readonly metrics = [metrics.kills];
  readonly #receiver: OomReceiver;
  readonly #cgroups: Cgroups;
  readonly #options: OomSourceOptions;
  readonly #startTime = toHrTime(wallMs());
  readonly #victims: RecentCounts;
  #retainMs: number;
  /** Cgroups that are known only by kills in them, the oldest first. */
  readonly #named: bigint[] = [];

  constructor(receiver: OomReceiver, cgroups: Cgroups, options: OomSourceOptions) {
    this.#receiver = receiver;
    this.#cgroups = cgroups;
    this.#options = options;
    this.#victims = new RecentCounts(options.maxSeries);
    this.#retainMs = options.retainMs;
  }

  /** The number of kills that are counted without the name of trigger or victim. */
  get folded(): number {
    return this.#victims.folded;
  }

  /** Takes all complete kills. */
  poll(nowMs = monotonicMs(), final = false): void {
    const kills = this.#receiver.take(nowMs, final);
    if (kills.length === 0) return;
    const unknown = kills.flatMap((kill) => this.#cgroupIds(kill)).filter((id) => !this.#cgroups.knows(id));
    this.#cgroups.learn(unknown);
    const { cgroupIdOf, momentOf = () => ({}), ownerOf = () => undefined, pastOf, onVictim, onKill } = this.#options;
    const identityOf = (cgroup: bigint | string): Identity => this.#identity(cgroup);
    for (const kill of kills) {
      // As in the kernel, processes that only shared a victim's memory are not counted.
      for (const victim of [kill.victim, ...kill.members.filter(({ reason }) => reason === 'group')]) {
        this.#count(kill, victim, nowMs);
        onVictim?.(victim.memoryCgroupId);
      }
      onKill(describeKill(kill, { identityOf, cgroupIdOf, momentOf, ownerOf, ...(pastOf && { pastOf }) }));
    }
    // Kept for a while, since a cgroup with one kill often has more, or is removed.
    this.#named.push(...unknown);
    for (const id of this.#named.splice(0, this.#named.length - MAX_NAMED)) this.#cgroups.forget(id);
  }

  read(): Sample[] {
    this.poll();
    const { lost } = this.#receiver.counts();
    const startTime = this.#startTime;
    // 0 from the start, so that alerts work before the first kill.
    const samples = [this.#sample({ key: 'none', attributes: {}, count: 0, startTime })];
    if (lost > 0) samples.push(this.#sample({ key: 'lost', attributes: UNKNOWN, count: lost, startTime }));
    for (const series of this.#victims.values()) samples.push(this.#sample(series));
    return samples;
  }

  /** Changes the limits of {@link OomSourceOptions}. */
  keep(maxSeries: number, retainMs: number): void {
    this.#victims.maxSeries = maxSeries;
    this.#retainMs = retainMs;
  }

  /** Ends series beyond the limits. */
  retire(nowMs = monotonicMs()): Sample[] {
    return this.#victims.retire(nowMs, this.#retainMs).map((series) => this.#sample(series));
  }

  #cgroupIds({ trigger, victim, members, limit }: OomKill): bigint[] {
    // In v2 the memory of a cgroup without the controller is charged to an ancestor.
    const ids = [victim, ...members].flatMap((each) => [this.#options.cgroupIdOf(each), each.memoryCgroupId]);
    ids.push(this.#options.cgroupIdOf(trigger));
    if (typeof limit?.cgroup === 'bigint') ids.push(limit.cgroup);
    return [...new Set(ids)];
  }

  #identity(cgroup: bigint | string): Identity {
    return typeof cgroup === 'string' ? identify(cgroup) : this.#cgroups.identityAsTold(cgroup);
  }

  #count({ trigger, scope }: OomKill, victim: OomVictim, nowMs: number): void {
    const [trigger_comm, victim_comm] = [normaliseComm(trigger.process), normaliseComm(victim.process)];
    // The trigger may be of another container, so its name is given up before the victim's.
    const choices = [
      [{ trigger_comm, victim_comm, scope }, MAX_PAIRS],
      [{ trigger_comm: OTHER, victim_comm, scope }, MAX_VICTIMS],
    ] as const;
    const last = { trigger_comm: OTHER, victim_comm: OTHER, scope };
    this.#victims.count(choices, last, this.#identity(this.#options.cgroupIdOf(victim)), nowMs);
  }

  #sample({ key, attributes, count, startTime }: RecentSeries): Sample {
    return { metric: metrics.kills, member: { key, attributes, startTime, totals: Float64Array.of(count) } };
  }
}
