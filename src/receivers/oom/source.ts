/** The OOM receiver as a source of metrics: kills counted by trigger, victim and whose memory ran out. */
import type { Attributes } from '@opentelemetry/api';
import type { Cgroups } from '../../containers/cgroups.ts';
import { type Identity, identify } from '../../containers/identity.ts';
import type { Sample, Source } from '../../metrics/registry.ts';
import { monotonicMs, toHrTime, wallMs } from '../../program/clock.ts';
import { normaliseComm } from './comm.ts';
import type { OomVictim } from './events.ts';
import type { OomKill } from './kills.ts';
import { metrics } from './metrics.ts';
import type { OomReceiver } from './receiver.ts';
import { describeKill, type OomSurroundings } from './record.ts';
import type { OomKillRecord } from './record-schema.ts';
import { OomVictims, type VictimSeries } from './victims.ts';

export interface OomSourceOptions {
  /** How many series of victims are kept, the most recent ones. */
  readonly maxSeries: number;
  /** How long each is kept after its last kill, in ms. */
  readonly retainMs: number;
  /** Called once for each decision of the kernel to kill. */
  readonly onKill: (record: OomKillRecord) => void;
  readonly cgroupIdOf: OomSurroundings['cgroupIdOf'];
  readonly momentOf?: OomSurroundings['momentOf'];
  /** Told of each process by the cgroup that the kernel counts it in. */
  readonly onVictim?: (memoryCgroupId: bigint) => void;
}

const MAX_NAMED = 1000;

const UNKNOWN: Attributes = { trigger_comm: 'unknown', victim_comm: 'unknown', scope: 'unknown' };

export class OomSource implements Source {
  readonly metrics = [metrics.kills];
  readonly #receiver: OomReceiver;
  readonly #cgroups: Cgroups;
  readonly #options: OomSourceOptions;
  readonly #startTime = toHrTime(wallMs());
  readonly #victims: OomVictims;
  #retainMs: number;
  /** The cgroups that only the kills in them made known, the oldest first. */
  readonly #named: bigint[] = [];

  constructor(receiver: OomReceiver, cgroups: Cgroups, options: OomSourceOptions) {
    this.#receiver = receiver;
    this.#cgroups = cgroups;
    this.#options = options;
    this.#victims = new OomVictims(options.maxSeries);
    this.#retainMs = options.retainMs;
  }

  /** Kills that are counted without the names of trigger or victim. */
  get folded(): number {
    return this.#victims.folded;
  }

  /** Takes the kills that are known by now. */
  poll(nowMs = monotonicMs(), final = false): void {
    const kills = this.#receiver.take(nowMs, final);
    if (kills.length === 0) return;
    const unknown = kills.flatMap((kill) => this.#cgroupIds(kill)).filter((id) => !this.#cgroups.knows(id));
    this.#cgroups.learn(unknown);
    const { cgroupIdOf, momentOf = () => ({}), onVictim, onKill } = this.#options;
    const identityOf = (cgroup: bigint | string): Identity => this.#identity(cgroup);
    for (const kill of kills) {
      // The kernel does not count those that only shared the memory of a victim.
      for (const victim of [kill.victim, ...kill.members.filter(({ reason }) => reason === 'group')]) {
        this.#count(kill, victim, nowMs);
        onVictim?.(victim.memoryCgroupId);
      }
      onKill(describeKill(kill, { identityOf, cgroupIdOf, momentOf }));
    }
    // Kept for a while, since cgroups that lose one process often lose more, or are removed.
    this.#named.push(...unknown);
    for (const id of this.#named.splice(0, this.#named.length - MAX_NAMED)) this.#cgroups.forget(id);
  }

  read(): Sample[] {
    this.poll();
    const { lost } = this.#receiver.counts();
    const startTime = this.#startTime;
    // As 0 from the start, so that there is something to alert on before the first kill.
    const samples = [this.#sample({ key: 'none', attributes: {}, count: 0, startTime })];
    if (lost > 0) samples.push(this.#sample({ key: 'lost', attributes: UNKNOWN, count: lost, startTime }));
    for (const series of this.#victims.values()) samples.push(this.#sample(series));
    return samples;
  }

  /** From now on so many series are kept, and for so long: see {@link OomSourceOptions}. */
  keep(maxSeries: number, retainMs: number): void {
    this.#victims.maxSeries = maxSeries;
    this.#retainMs = retainMs;
  }

  /** Ends the series that are too many or too old. */
  retire(nowMs = monotonicMs()): Sample[] {
    return this.#victims.retire(nowMs, this.#retainMs).map((series) => this.#sample(series));
  }

  #cgroupIds({ trigger, victim, members, limit }: OomKill): bigint[] {
    // In v2 the memory of a cgroup without that controller is counted in one above.
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
    this.#victims.count({ trigger_comm, victim_comm, scope }, this.#identity(this.#options.cgroupIdOf(victim)), nowMs);
  }

  #sample({ key, attributes, count, startTime }: VictimSeries): Sample {
    return { metric: metrics.kills, member: { key, attributes, startTime, totals: Float64Array.of(count) } };
  }
}
