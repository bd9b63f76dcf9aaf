/** The latest slow operations of each cgroup and kind, as exemplars of their histograms. */
import type { Attributes } from '@opentelemetry/api';
import { type Exemplar, MAX_EXEMPLARS } from '../../metrics/exemplar.ts';
import { toHrTime } from '../../program/clock.ts';
import { CAUSES, type Cause } from './causes.ts';
import type { Op } from './operations.ts';
import type { SlowEvent } from './slow-events.ts';
import type { SlowRecord } from './slow-schema.ts';

/** The limit of kinds of operations, by cgroup. */
const MAX_KINDS = 1000;
/** OpenMetrics' limit of the characters of all names and values. */
const MAX_CHARACTERS = 128;
const ELLIPSIS = '…';

export class Exemplars {
  /** The kind that was slow last is the last one. Arrays are never changed. */
  readonly #kinds = new Map<string, readonly Exemplar[]>();

  /** Leaves out what the histograms leave out: failures, and what moved no byte. */
  add(event: SlowEvent, record: SlowRecord): void {
    if (record.values.error !== undefined || record.values.bytes === 0) return;
    const { cgroupId, op } = event;
    const key = keyOf(cgroupId, op);
    const before = this.of(cgroupId, op) ?? [];
    this.#kinds.delete(key);
    this.#kinds.set(key, [...before, exemplarOf(event, record)].slice(-MAX_EXEMPLARS));
    for (const oldest of this.#kinds.keys()) {
      if (this.#kinds.size <= MAX_KINDS) break;
      this.#kinds.delete(oldest);
    }
  }

  /** They may say what settings do not allow any more. */
  clear(): void {
    this.#kinds.clear();
  }

  /** Oldest first. */
  of(cgroupId: bigint, op: Op): readonly Exemplar[] | undefined {
    return this.#kinds.size === 0 ? undefined : this.#kinds.get(keyOf(cgroupId, op));
  }
}

function keyOf(cgroupId: bigint, op: Op): string {
  return `${cgroupId} ${op}`;
}

/** The path within the container, what the operation waited for most, and the process. */
function exemplarOf({ durationNs }: SlowEvent, { values }: SlowRecord): Exemplar {
  const publicAttributes: Attributes = { cause: mainCauseOf(values), process: values.process ?? values.comm };
  const { path } = values;
  const attributes = path === undefined ? publicAttributes : { path: cut(path, publicAttributes), ...publicAttributes };
  return { attributes, publicAttributes, value: durationNs / 1000, time: toHrTime(Date.parse(values.time)) };
}

function mainCauseOf(values: SlowRecord['values']): Cause {
  const partOf = (cause: Cause): number => values[`${cause}_us`] ?? 0;
  return CAUSES.reduce((most, cause) => (partOf(cause) > partOf(most) ? cause : most));
}

/** The end of a path that is too long beside the other attributes. */
function cut(path: string, others: Attributes): string {
  const used = charactersOf(`path${Object.entries(others).flat().join('')}`).length;
  const characters = charactersOf(path);
  const left = MAX_CHARACTERS - used;
  return characters.length <= left ? path : `${ELLIPSIS}${characters.slice(1 - left).join('')}`;
}

function charactersOf(text: string): string[] {
  return Array.from(text);
}
