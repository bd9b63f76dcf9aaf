/** The kills receiver as a source of metrics: killed processes by killer and owner. */
import type { Attributes } from '@opentelemetry/api';
import type { Cgroups } from '../../containers/cgroups.ts';
import type { Sample, Source } from '../../metrics/registry.ts';
import { monotonicMs, toHrTime, wallMs } from '../../program/clock.ts';
import { OTHER, RecentCounts, type RecentSeries } from '../recent-counts.ts';
import { senderNameOf } from './killer.ts';
import { metrics } from './metrics.ts';
import type { KillsReceiver } from './receiver.ts';
import { type ExplainedKill, type Storm, Storms } from './storms.ts';

export interface KillsSourceOptions {
  /** The limit of series; the most recent ones are kept. */
  readonly maxSeries: number;
  /** How long a series is kept after its last kill, in ms. */
  readonly retainMs: number;
  /** Called once for each event, however many processes were killed in it. */
  readonly onStorm: (storm: Storm) => void;
}

const MAX_NAMED = 1000;
/** The bounds of a place: series with the sender's name, and series in all. */
const [MAX_NAMES, MAX_SERIES] = [100, 200];

const UNKNOWN: Attributes = { killer: 'unknown', sender_comm: 'unknown' };

export class KillsSource implements Source {
  readonly metrics = [metrics.sigkills];
  readonly #receiver: Pick<KillsReceiver, 'take' | 'counts'>;
  readonly #cgroups: Cgroups;
  readonly #onStorm: KillsSourceOptions['onStorm'];
  readonly #startTime = toHrTime(wallMs());
  readonly #storms = new Storms();
  readonly #counts: RecentCounts;
  #retainMs: number;
  /** Cgroups that are known only by kills in them, the oldest first. */
  readonly #named: bigint[] = [];

  constructor(receiver: Pick<KillsReceiver, 'take' | 'counts'>, cgroups: Cgroups, options: KillsSourceOptions) {
    this.#receiver = receiver;
    this.#cgroups = cgroups;
    this.#onStorm = options.onStorm;
    this.#counts = new RecentCounts(options.maxSeries);
    this.#retainMs = options.retainMs;
  }

  /** The number of kills that are counted without the sender's name. */
  get folded(): number {
    return this.#counts.folded;
  }

  /** Takes all kills, and counts those whose killer is known. */
  poll(nowMs = monotonicMs(), final = false): void {
    const { kills, marks } = this.#receiver.take();
    for (const mark of marks) this.#storms.mark(mark, nowMs);
    const ids = new Set(kills.flatMap(({ victim, sender }) => [victim.cgroupId, sender.cgroupId]));
    const unknown = [...ids].filter((id) => !this.#cgroups.knows(id));
    this.#cgroups.learn(unknown);
    for (const event of kills) {
      const [victim, sender] = [event.victim, event.sender].map(({ cgroupId }) =>
        this.#cgroups.identityAsTold(cgroupId),
      );
      if (victim !== undefined && sender !== undefined) this.#storms.add({ event, victim, sender }, nowMs);
    }
    for (const storm of this.#storms.take(nowMs, final)) {
      for (const kill of [...storm.kills, ...storm.others]) this.#count(kill, nowMs);
      this.#onStorm(storm);
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
    const samples = [sampleOf({ key: 'none', attributes: {}, count: 0, startTime })];
    if (lost > 0) samples.push(sampleOf({ key: 'lost', attributes: UNKNOWN, count: lost, startTime }));
    for (const series of this.#counts.values()) samples.push(sampleOf(series));
    return samples;
  }

  /** Changes the limits of {@link KillsSourceOptions}. */
  keep(maxSeries: number, retainMs: number): void {
    this.#counts.maxSeries = maxSeries;
    this.#retainMs = retainMs;
  }

  /** Ends series beyond the limits. */
  retire(nowMs = monotonicMs()): Sample[] {
    return this.#counts.retire(nowMs, this.#retainMs).map(sampleOf);
  }

  #count({ killer, event, victim }: ExplainedKill, nowMs: number): void {
    const folded = { killer, sender_comm: OTHER };
    const choices = [
      [{ killer, sender_comm: senderNameOf(killer, event) }, MAX_NAMES],
      [folded, MAX_SERIES],
    ] as const;
    this.#counts.count(choices, folded, victim, nowMs);
  }
}

function sampleOf({ key, attributes, count, startTime }: RecentSeries): Sample {
  return { metric: metrics.sigkills, member: { key, attributes, startTime, totals: Float64Array.of(count) } };
}
