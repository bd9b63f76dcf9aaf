/** Groups kills that are one event for people: a container that ends is one, however many processes it had. */
import { placeOf } from '../../containers/place.ts';
import type { KillMark } from './events.ts';
import { type Kill, type Killer, killerOf } from './killer.ts';

/** How long marks and further kills are waited for, in ms. */
const SETTLE_MS = 500;
/** The limit of storms of a place that are under way: so many records a place can make in that time. */
const MAX_STORMS = 10;

/** The kills of an event, oldest first, which is the cause of the others. */
export interface Storm {
  readonly kills: readonly [ExplainedKill, ...ExplainedKill[]];
  /** Kills of other senders that have no storm of their own, because their place has too many. */
  readonly others: readonly ExplainedKill[];
}

export type ExplainedKill = Kill & { readonly killer: Killer };

interface Growing {
  readonly key: string;
  readonly place: string;
  readonly since: number;
  readonly kills: [Kill, ...Kill[]];
  readonly others: Kill[];
  readonly victims: Set<number>;
}

export class Storms {
  #open: Growing[] = [];
  #marks: { readonly mark: KillMark; readonly since: number }[] = [];

  add(kill: Pick<Kill, 'event' | 'victim' | 'sender'>, nowMs: number): void {
    const { info, sender, victim } = kill.event;
    const { place } = placeOf(kill.victim);
    const key = JSON.stringify([info, sender.tgid, place]);
    const added = { ...kill, isMarked: false, sharesMarked: false };
    const same =
      // A killed process runs no more; what the kernel sends in its name is a consequence.
      (info !== 'sent' && this.#open.find(({ victims }) => victims.has(sender.tgid))) ||
      this.#open.find((storm) => storm.key === key);
    if (same) {
      same.kills.push(added);
      same.victims.add(victim.tgid);
      return;
    }
    const ofPlace = this.#open.filter((storm) => storm.place === place);
    const last = ofPlace.at(-1);
    if (last !== undefined && ofPlace.length >= MAX_STORMS) last.others.push(added);
    else this.#open.push({ key, place, since: nowMs, kills: [added], others: [], victims: new Set([victim.tgid]) });
  }

  mark(mark: KillMark, nowMs: number): void {
    this.#marks.push({ mark, since: nowMs });
  }

  /**
   * The storms that are over, oldest first.
   *
   * @param final returns all
   */
  take(nowMs: number, final = false): Storm[] {
    const isOver = ({ since }: Growing): boolean => final || nowMs - since >= SETTLE_MS;
    const over = this.#open.filter(isOver);
    this.#open = this.#open.filter((storm) => !isOver(storm));
    const marks = this.#marks.map(({ mark }) => mark);
    const explain = (kill: Kill): ExplainedKill => {
      const all = { ...kill, ...markedBy(kill, marks) };
      return { ...all, killer: killerOf(all) };
    };
    const storms = over.map(
      ({ kills: [first, ...further], others }): Storm => ({
        kills: [explain(first), ...further.map(explain)],
        others: others.map(explain),
      }),
    );
    this.#marks = this.#marks.filter(({ since }) => nowMs - since < 2 * SETTLE_MS);
    return storms;
  }
}

function markedBy({ event }: Kill, marks: readonly KillMark[]): Pick<Kill, 'isMarked' | 'sharesMarked'> {
  const { victim, sender, memory } = event;
  return {
    isMarked: marks.some(({ victimTgid }) => victimTgid === victim.tgid),
    sharesMarked: marks.some((mark) => mark.senderPid === sender.pid && memory !== 0n && mark.memory === memory),
  };
}
