/** The latest slow operations of each cgroup, as exemplars of its histograms. */
import type { Attributes } from '@opentelemetry/api';
import { type Exemplar, MAX_EXEMPLARS } from '../../metrics/exemplar.ts';
import { toHrTime } from '../../program/clock.ts';
import { CAUSES, type Cause } from './causes.ts';
import type { Op } from './operations.ts';
import type { SlowEvent } from './slow-events.ts';
import type { SlowRecord } from './slow-schema.ts';

/** The limit of cgroups. */
const MAX_CGROUPS = 250;
/** OpenMetrics' limit of the characters of all names and values. */
const MAX_CHARACTERS = 128;
const ELLIPSIS = '…';

/** Of a cgroup, oldest first. Arrays are never changed. */
export type ByOperation = { readonly [op in Op]?: readonly Exemplar[] };

export class Exemplars {
  /** The cgroup that was slow last is the last one. */
  readonly #cgroups = new Map<bigint, ByOperation>();

  /** Leaves out what the histograms leave out: failures, and what moved no byte. */
  add(event: SlowEvent, record: SlowRecord): void {
    if (record.values.error !== undefined || record.values.bytes === 0) return;
    const { cgroupId, op } = event;
    const before = this.of(cgroupId);
    this.#cgroups.delete(cgroupId);
    const latest = [...(before?.[op] ?? []), exemplarOf(event, record)].slice(-MAX_EXEMPLARS);
    this.#cgroups.set(cgroupId, { ...before, [op]: latest });
    for (const oldest of this.#cgroups.keys()) {
      if (this.#cgroups.size <= MAX_CGROUPS) break;
      this.#cgroups.delete(oldest);
    }
  }

  /** They may say what settings do not allow any more. */
  clear(): void {
    this.#cgroups.clear();
  }

  of(cgroupId: bigint): ByOperation | undefined {
    return this.#cgroups.get(cgroupId);
  }
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
