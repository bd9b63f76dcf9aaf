/** The pressure receiver as a source of metrics: the host, then every container that has pressure or a limit of its own. */
import { uptime } from 'node:os';
import type { Attributes, HrTime } from '@opentelemetry/api';
import { attributesOf } from '../../containers/attributes.ts';
import type { CgroupFilter } from '../../containers/filter.ts';
import type { Container, Inventory } from '../../containers/inventory.ts';
import {
  type Pressure,
  PressureError,
  type PressureReason,
  pressureScore,
  readPressure,
  type Window,
} from '../../kernel/psi.ts';
import { joinRaw } from '../../kernel/raw-path.ts';
import type { Sample, Source } from '../../metrics/registry.ts';
import { toHrTime, wallMs } from '../../program/clock.ts';
import { MemoryReader } from './memory.ts';
import { metrics } from './metrics.ts';

export interface PressureSourceOptions {
  /** The host's file. */
  readonly path: string;
  /** The containers of the v2 hierarchy, null when it is not visible: v1 has no pressure by cgroup. */
  readonly pressure: Inventory | null;
  /** The containers of the hierarchy with the memory controller: v2's, or v1's. */
  readonly memory: { readonly inventory: Inventory; readonly version: 1 | 2 } | null;
  readonly window: Window;
  /** The cgroups that get series; null: all. */
  readonly filter?: CgroupFilter | null;
  /** Called when the host's pressure becomes unreadable (an error with the cure) and readable again (null). */
  readonly onHostState: (problem: PressureError | null) => void;
  /** Called once for each reason why containers have no pressure although the host has. */
  readonly onContainerProblem?: (problem: PressureError) => void;
}

const HOST: Attributes = { scope: 'host' };

interface Reading {
  readonly key: string;
  /** The container's own attributes, of which `attributes` are made. */
  readonly own?: Attributes;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly pressure: Pressure;
}

/** How long a step of the search for containers may take, in ms. */
const WALK_MS = 50;

export class PressureSource implements Source {
  readonly metrics = [metrics.score, metrics.waiting, metrics.stalled, metrics.headroom, metrics.majorFaults];
  readonly #options: PressureSourceOptions;
  #filter: CgroupFilter | null;
  #window: Window;
  /** By key, what was read of each container last. */
  readonly #last = new Map<string, Reading>();
  readonly #lastFaults = new Map<string, Sample>();
  readonly #told = new Set<PressureReason>();
  #ended: Sample[] = [];
  #problem: PressureError | null = null;

  constructor(options: PressureSourceOptions) {
    this.#options = options;
    this.#filter = options.filter ?? null;
    this.#window = options.window;
  }

  /** The reason why the host's pressure cannot be read, or null. */
  get problem(): PressureReason | null {
    return this.#problem?.reason ?? null;
  }

  /** The number of containers without series, because there are too many. */
  get leftOut(): number {
    return Math.max(...this.#inventories().map((inventory) => inventory.leftOut), 0);
  }

  /** Continues the search for containers. */
  discover(ms = WALK_MS): void {
    const { pressure, memory } = this.#options;
    for (const inventory of this.#inventories()) {
      for (const { key } of inventory.discover(Number.POSITIVE_INFINITY, ms)) {
        const last = inventory === pressure ? this.#last.get(key) : undefined;
        const faults = inventory === memory?.inventory ? this.#lastFaults.get(key) : undefined;
        if (last !== undefined) this.#ended.push(...this.#samplesOf(last));
        if (faults !== undefined) this.#ended.push(faults);
        if (inventory === pressure) this.#last.delete(key);
        if (inventory === memory?.inventory) this.#lastFaults.delete(key);
      }
    }
  }

  read(): Sample[] {
    const samples: Sample[] = [];
    const host = this.#readHost();
    const bootTime = toHrTime(wallMs() - uptime() * 1000);
    if (host !== null) {
      samples.push(...this.#samplesOf({ key: '/host', attributes: HOST, startTime: bootTime, pressure: host }));
    }
    samples.push(...this.#readPressures(), ...this.#readMemory());
    return samples;
  }

  /** Ends the search for containers. Safe to call twice. */
  close(): void {
    for (const inventory of this.#inventories()) inventory.close();
  }

  /** The last samples of containers that were removed since the last call. */
  retire(): Sample[] {
    return this.#ended.splice(0);
  }

  /**
   * Replaces the filter and the window of the score.
   *
   * @returns the last samples of containers that the filter now leaves out
   */
  choose(filter: CgroupFilter | null, window = this.#window): Sample[] {
    this.#filter = filter;
    this.#window = window;
    const isLeft = ({ attributes }: { readonly attributes: Attributes }): boolean =>
      !(filter?.(String(attributes.cgroup)) ?? true);
    const left = [...this.#last.values()].filter(isLeft);
    const faults = [...this.#lastFaults.values()].filter(({ member }) => isLeft(member));
    for (const { key } of left) this.#last.delete(key);
    for (const { member } of faults) this.#lastFaults.delete(member.key);
    return [...left.flatMap((reading) => this.#samplesOf(reading)), ...faults];
  }

  #inventories(): Inventory[] {
    const { pressure, memory } = this.#options;
    return [...new Set([pressure, memory?.inventory ?? null])].filter((inventory) => inventory !== null);
  }

  #readHost(): Pressure | null {
    try {
      const pressure = readPressure(this.#options.path);
      if (this.#problem !== null) this.#options.onHostState(null);
      this.#problem = null;
      return pressure;
    } catch (error) {
      if (!(error instanceof PressureError)) throw error;
      if (this.#problem?.reason !== error.reason) this.#options.onHostState(error);
      this.#problem = error;
      return null;
    }
  }

  #readPressures(): Sample[] {
    const { pressure: inventory } = this.#options;
    if (inventory === null) {
      this.#tell(new PressureError('missing', 'the v2 hierarchy is not mounted, and v1 knows no pressure of a cgroup'));
      return [];
    }
    return this.#present(inventory).flatMap((container) => {
      const pressure = this.#readContainer(inventory, container);
      if (pressure === null) return [];
      return this.#samplesOf(this.#keep(container, pressure));
    });
  }

  /** The attributes of a series stay the same object, by which exporters remember what they have written. */
  #keep({ key, identity, createdMs }: Container, pressure: Pressure): Reading {
    const own = attributesOf(identity);
    const last = this.#last.get(key);
    const { attributes, startTime } =
      last?.own === own ? last : { attributes: { scope: 'container', ...own }, startTime: toHrTime(createdMs) };
    const reading = { key, own, attributes, startTime, pressure };
    this.#last.set(key, reading);
    return reading;
  }

  /** null where a container has no pressure file, or is removed: no sample, never a zero. */
  #readContainer(inventory: Inventory, container: Container): Pressure | null {
    try {
      return readPressure(joinRaw(joinRaw(inventory.mount, container.raw), 'memory.pressure'));
    } catch (error) {
      if (!(error instanceof PressureError)) throw error;
      if (!inventory.isGone(container)) this.#tell(error);
      return null;
    }
  }

  /** Stays silent about a reason that was already reported for the host. */
  #tell(problem: PressureError): void {
    if (this.#problem !== null || this.#told.has(problem.reason)) return;
    this.#told.add(problem.reason);
    this.#options.onContainerProblem?.(problem);
  }

  #readMemory(): Sample[] {
    const { memory } = this.#options;
    if (memory === null) return [];
    const { inventory, version } = memory;
    const reader = new MemoryReader({ mount: inventory.mount, version });
    const headrooms: Sample[] = [];
    const faults: Sample[] = [];
    for (const { key, raw, identity, createdMs } of this.#present(inventory)) {
      const attributes = attributesOf(identity);
      const startTime = toHrTime(createdMs);
      const sample = (metric: Sample['metric'], value: number): Sample => ({
        metric,
        member: { key, attributes, startTime, totals: Float64Array.of(value) },
      });
      const headroom = reader.headroom(raw);
      if (headroom !== null) headrooms.push(sample(metrics.headroom, headroom));
      const majorFaults = reader.majorFaults(raw);
      if (majorFaults === null) continue;
      const last = sample(metrics.majorFaults, majorFaults);
      this.#lastFaults.set(key, last);
      faults.push(last);
    }
    // Smallest first: of several gauges with the same attributes the first one counts.
    headrooms.sort((a, b) => (a.member.totals[0] ?? 0) - (b.member.totals[0] ?? 0));
    return [...headrooms, ...faults];
  }

  /** Leaves out removed containers, whose path another container may have by now. */
  #present(inventory: Inventory): Container[] {
    const filter = this.#filter;
    const included = [...inventory.containers()].filter(({ path }) => filter === null || filter(path));
    return included.filter((container) => !inventory.isGone(container));
  }

  #samplesOf({ key, attributes, startTime, pressure }: Reading): Sample[] {
    const sample = (metric: Sample['metric'], value: number): Sample => ({
      metric,
      member: { key, attributes, startTime, totals: Float64Array.of(value) },
    });
    return [
      sample(metrics.score, pressureScore(pressure, this.#window)),
      sample(metrics.waiting, pressure.some.totalUs),
      sample(metrics.stalled, pressure.full.totalUs),
    ];
  }
}
