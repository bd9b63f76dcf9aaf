/** What a person would say of a container, from the answer of a running Floatie. Pure. */
import { BOUNDS_US } from '../../history/durations.ts';
import type { Container, ContainerOperation, Containers } from '../../history/schema.ts';
import { type Event, type Events, killsOf, sentenceOf, slowOf, timeOf } from '../../page/events.ts';
import { age, bytes, count, micros, percent, seconds } from '../../page/format.ts';
import { fullNameOf } from '../../page/names.ts';
import { CAUSES, nounOf } from './words.ts';

export interface Statement {
  readonly sentence: string;
  /** What to try. */
  readonly cure?: string;
  /** How long the container was held up by it in the last minute, in s. */
  readonly waitedS: number;
}

export interface Explanation {
  readonly container: string;
  readonly container_id?: string;
  readonly cgroup: string;
  /** The one that costs most first. */
  readonly statements: readonly Statement[];
  /** Newest first. */
  readonly killed: readonly string[];
}

/** Less of a minute than this is not worth a sentence. */
const LEAST_S = 0.1;
/** Of the rest it is told, too, what it was for, from this share on. */
const LEAST_SHARE = 0.05;
/** What to try is told from this share of the minute on. */
const LEAST_CURED_SHARE = 0.01;
/** So many times what overlayfs waited, and at least this long: the I/O is elsewhere. */
const [ELSEWHERE, ELSEWHERE_S] = [3, 1];
const MAX_KILLS = 3;
const MAX_OPERATIONS = 3;

/** @param isWanted which containers, also of those that have only kills */
export function explain(
  answer: Containers,
  events: Events,
  nowMs: number,
  isWanted: (owner: Event) => boolean = () => true,
): Explanation[] {
  const found = answer.containers
    .filter((container) => isWanted(container as unknown as Event))
    .map((container) => explainOne(container, answer.last_1m_s, events, nowMs));
  const known = new Set(found.map(({ container_id, cgroup }) => container_id ?? cgroup));
  const others = Map.groupBy(
    killsOf(events).filter((kill) => isWanted(kill) && !known.has(keyOf(kill))),
    keyOf,
  );
  const gone = Array.from(others.values(), (kills): Explanation => {
    const [kill = {}] = kills;
    const id = kill.container_id;
    return {
      container: fullNameOf(kill),
      ...(typeof id === 'string' && { container_id: id }),
      cgroup: `${kill.cgroup}`,
      statements: [],
      killed: killSentences(kills, nowMs),
    };
  });
  return [...found, ...gone];
}

function explainOne(container: Container, minuteS: number, events: Events, nowMs: number): Explanation {
  const { container_id, cgroup, operations } = container;
  const whole = operations.filter(({ is_part }) => !is_part);
  const waitedS = whole.reduce((sum, { last_1m }) => sum + last_1m.sum_s, 0);
  const key = container_id ?? cgroup;
  const statements = [
    ...whole.slice(0, MAX_OPERATIONS).flatMap((operation) => describeWaits(operation, minuteS, slowOf(events, key))),
    ...describeElsewhere(container, waitedS),
    ...describeLimits(container),
  ];
  return {
    container: fullNameOf(container),
    ...(container_id !== undefined && { container_id }),
    cgroup,
    statements: statements.sort((a, b) => b.waitedS - a.waitedS),
    killed: killSentences(
      killsOf(events).filter((kill) => keyOf(kill) === key),
      nowMs,
    ),
  };
}

function describeWaits(
  { op, last_1m, waits = [] }: ContainerOperation,
  minuteS: number,
  slow: readonly Event[],
): Statement[] {
  const { sum_s: waitedS, count: number, p99_us, bytes: moved } = last_1m;
  if (waitedS < LEAST_S) return [];
  const parts = waits
    .filter(({ last_1m_s }) => last_1m_s >= LEAST_SHARE * waitedS)
    .map(({ cause, last_1m_s }) => `${percent(last_1m_s / waitedS)} ${CAUSES[cause]?.words ?? cause}`);
  const rate = moved > 0 && minuteS > 0 ? `, ${bytes(moved / minuteS)}/s` : '';
  const slowest = slow
    .filter((event) => event.op === op && typeof event.path === 'string')
    .toSorted((a, b) => Number(b.duration_us) - Number(a.duration_us))[0];
  const tail = slowest ? `; slowest: ${slowest.path}, ${micros(Number(slowest.duration_us))}` : '';
  const sentence = `${capital(nounOf(op))} waited ${seconds(waitedS)} in the last minute${parts.length > 0 ? `: ${parts.join(', ')}` : ''} (${count(number)} of them${rate}, ${nearlyAll(p99_us)})${tail}`;
  // A container that hardly waits needs nothing.
  const cure = waitedS < LEAST_CURED_SHARE * minuteS ? undefined : CAUSES[waits[0]?.cause ?? '']?.cure;
  return [{ sentence, waitedS, ...(cure !== undefined && { cure }) }];
}

/** A quantile is never above the highest bound, however long the operations took. */
function nearlyAll(p99Us: number | undefined): string {
  const highestUs = BOUNDS_US.at(-1) ?? 0;
  if (p99Us !== undefined && p99Us >= highestUs) return `1 % took ${micros(highestUs)} or more`;
  return `99 % took at most ${micros(p99Us)}`;
}

function describeElsewhere({ io_stall }: Container, waitedS: number): Statement[] {
  const stalledS = io_stall?.last_1m_s ?? 0;
  if (stalledS < ELSEWHERE_S || stalledS < ELSEWHERE * waitedS) return [];
  return [
    {
      sentence: `Not on overlayfs: a volume or mapped files. Tasks waited for I/O in ${seconds(stalledS)} of the last minute, and ${seconds(waitedS)} on overlayfs`,
      cure: 'look at the volumes of the container, and at floatie_memory_major_faults_total for mapped files',
      waitedS: stalledS,
    },
  ];
}

/** What no operation shows. */
function describeLimits({ cpu_throttled, memory_stall, memory }: Container): Statement[] {
  const all: (Statement | null)[] = [
    cpu_throttled && {
      sentence: `The CPU limit kept it from running for ${seconds(cpu_throttled.last_1m_s)} of the last minute`,
      cure: 'raise the CPU limit of the container (cpu.max), or use fewer threads',
      waitedS: cpu_throttled.last_1m_s,
    },
    memory_stall && {
      sentence: `Tasks waited for memory in ${seconds(memory_stall.last_1m_s)} of the last minute${(memory.throttled_5m ?? 0) > 0 ? ', slowed down by memory.high' : ''}`,
      cure: 'raise memory.high or memory.max of the container, or let it use less',
      waitedS: memory_stall.last_1m_s,
    },
  ].map((statement) => statement ?? null);
  return all.filter((statement) => statement !== null && statement.waitedS >= ELSEWHERE_S) as Statement[];
}

function keyOf(event: Event): string {
  return `${event.container_id ?? event.cgroup}`;
}

function killSentences(kills: readonly Event[], nowMs: number): string[] {
  const sentences = kills
    .slice(0, MAX_KILLS)
    .map((kill) => `${age(nowMs - timeOf(kill))} ago: ${sentenceOf(kill)}${pastOf(kill)}`);
  const more = kills.length - MAX_KILLS;
  return more > 0 ? [...sentences, `and ${more} more before`] : sentences;
}

/** How fast it had grown, and how often it was full before. */
function pastOf({ growth_10s, limit_hits }: Event): string {
  const parts = [
    typeof growth_10s === 'number' && growth_10s > 0 ? `it had grown by ${bytes(growth_10s)}/s` : '',
    typeof limit_hits === 'number' && limit_hits > 0 ? `it had met its limit ${count(limit_hits)} times before` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}`;
}
