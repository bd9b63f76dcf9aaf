/** The pressure receiver as a source of metrics: the host, then what the files of every container tell. */
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import type { CgroupFilter } from '../../containers/filter.ts';
import type { Container, Inventory } from '../../containers/inventory.ts';
import { MEMORY_LIMIT, MEMORY_USAGE } from '../../history/columns.ts';
import {
  type Pressure,
  PressureError,
  type PressureReason,
  pressureScore,
  readPressure,
  type Window,
} from '../../kernel/psi.ts';
import { joinRaw, type RawPath } from '../../kernel/raw-path.ts';
import type { Sample, Source } from '../../metrics/registry.ts';
import { toHrTime, wallMs } from '../../program/clock.ts';
import { readOrNull } from '../../program/read-or-null.ts';
import { countersOf, type Place, readWaits } from './counters.ts';
import { MemoryReader } from './memory.ts';
import { metrics, receiverMetrics } from './metrics.ts';
import { HOST, type Owner, ownerOf, sampleOf, valuesOf, withScope } from './samples.ts';

export interface PressureSourceOptions {
  /** The host's file of memory pressure, beside those of the CPU and of I/O. */
  readonly path: string;
  /** The containers of the v2 hierarchy, null when it is not visible: v1 has no pressure by cgroup. */
  readonly pressure: Inventory | null;
  /** The containers of the hierarchy with the memory controller: v2's, or v1's. */
  readonly memory: {
    readonly inventory: Inventory;
    readonly version: 1 | 2;
    /** Where v1 has its CPU controller; null: nowhere, or v2. */
    readonly cpuMount?: string | null;
    /** The same of its CPU accounting. */
    readonly cpuacctMount?: string | null;
    /** As in {@link Place}; true by default. */
    readonly countsSwap?: boolean;
  } | null;
  readonly window: Window;
  /** The cgroups that get series; null: all. */
  readonly filter?: CgroupFilter | null;
  /** Called when the host's pressure becomes unreadable (an error with the cure) and readable again (null). */
  readonly onHostState: (problem: PressureError | null) => void;
  /** Called once for each reason why containers have no pressure although the host has. */
  readonly onContainerProblem?: (problem: PressureError) => void;
}

/** A container in the hierarchy of this inventory. */
export interface Wanted {
  readonly inventory: Inventory;
  readonly container: Container;
}

/** How long a step of the search for containers may take, in ms. */
const WALK_MS = 50;

export class PressureSource implements Source {
  readonly metrics = receiverMetrics;
  readonly #options: PressureSourceOptions;
  #filter: CgroupFilter | null;
  #choices = 0;
  #window: Window;
  /** What was read last of each container, by its key. */
  readonly #last = new Map<Inventory, Map<string, { readonly path: string; readonly samples: Sample[] }>>();
  readonly #told = new Set<PressureReason>();
  #ended: Sample[] = [];
  #problem: PressureError | null = null;

  constructor(options: PressureSourceOptions) {
    this.#options = options;
    this.#filter = options.filter ?? null;
    this.#window = options.window;
    for (const inventory of this.#inventories()) this.#last.set(inventory, new Map());
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
    for (const [inventory, last] of this.#last) {
      for (const { key } of inventory.discover(Number.POSITIVE_INFINITY, ms)) {
        this.#ended.push(...(last.get(key)?.samples ?? []));
        last.delete(key);
      }
    }
  }

  /** Reads some files of each container, most of which may tell nothing. */
  *read(): Generator<Sample | null> {
    yield* this.#hostSamples();
    if (this.#options.pressure === null)
      this.#tell(new PressureError('missing', 'the v2 hierarchy is not mounted, and v1 knows no pressure of a cgroup'));
    const headrooms: Sample[] = [];
    const places = this.memoryReaders();
    for (const { inventory, container } of this.containers()) {
      const { path, key } = container;
      const owner = ownerOf(container);
      const place = places.get(inventory);
      const samples = this.#kept(inventory, container, owner, place);
      this.#last.get(inventory)?.set(key, { path, samples });
      yield* samples;
      yield null;
      const headroom = place?.memory.headroom(container.raw) ?? null;
      if (headroom !== null) headrooms.push(sampleOf(owner, metrics.headroom, headroom));
    }
    // Smallest first: of several gauges with the same attributes the first one counts.
    yield* headrooms.sort((a, b) => (a.member.totals[0] ?? 0) - (b.member.totals[0] ?? 0));
  }

  /** All that the files of one container tell, and its usage and limit, which are no metrics. */
  *samplesOf(inventory: Inventory, container: Container, place: Place | null): Generator<Sample> {
    const owner = ownerOf(container);
    yield* this.#kept(inventory, container, owner, place ?? undefined);
    if (place === null) return;
    const headroom = place.memory.headroom(container.raw);
    if (headroom !== null) yield sampleOf(owner, metrics.headroom, headroom);
    for (const { name, usageBytes, limitBytes } of place.memory.levels(container.raw)) {
      if (name !== container.path) continue;
      yield sampleOf(owner, MEMORY_USAGE, usageBytes);
      if (limitBytes !== null) yield sampleOf(owner, MEMORY_LIMIT, limitBytes);
    }
  }

  /** Another text when a process of the container has run; null where nothing tells it. Reads one file. */
  cpuTime({ inventory, container }: Wanted): string | null {
    const { memory } = this.#options;
    const fileIn = (mount: string, name: string) => readOrNull(joinRaw(joinRaw(mount, container.raw), name));
    if (memory?.inventory !== inventory || memory.version === 2) return fileIn(inventory.mount, 'cpu.stat');
    const text = memory.cpuacctMount == null ? null : fileIn(memory.cpuacctMount, 'cpuacct.usage');
    // Another hierarchy: whoever made the cgroup there may not have put its processes into it.
    return Number(text) === 0 ? null : text;
  }

  /** Every container that is measured, once for each hierarchy. */
  *containers(): Generator<Wanted> {
    for (const each of this.wanted()) {
      // Whoever is removed may have left its path to another container.
      if (!each.inventory.isGone(each.container)) yield each;
    }
  }

  /** A number that changes with {@link wanted}. */
  changes(): number {
    return this.#inventories().reduce((sum, { changes }) => sum + changes, this.#choices);
  }

  /** As {@link containers}, some of which may be removed by now. */
  *wanted(): Generator<Wanted> {
    for (const inventory of this.#inventories()) {
      for (const container of inventory.containers()) {
        if (this.#includes(container.path)) yield { inventory, container };
      }
    }
  }

  /** Readers for one round, by the hierarchy with the memory controller. */
  memoryReaders(): ReadonlyMap<Inventory, Place> {
    const places = this.#inventories().map((inventory) => [inventory, this.#placeOf(inventory)] as const);
    return new Map(places.filter((each): each is [Inventory, Place] => each[1] !== null));
  }

  /** The memory usage of a cgroup; null when it is removed. */
  usageOf(path: RawPath): number | null {
    const [place] = this.memoryReaders().values();
    return place?.memory.usage(path) ?? null;
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
    this.#choices++;
    this.#window = window;
    const ended: Sample[] = [];
    for (const last of this.#last.values()) {
      for (const [key, { path, samples }] of last) {
        if (this.#includes(path)) continue;
        ended.push(...samples);
        last.delete(key);
      }
    }
    return ended;
  }

  #includes(path: string): boolean {
    return this.#filter?.(path) ?? true;
  }

  #inventories(): Inventory[] {
    const { pressure, memory } = this.#options;
    return [...new Set([pressure, memory?.inventory ?? null])].filter((inventory) => inventory !== null);
  }

  /** null for a hierarchy without the memory controller. */
  #placeOf(inventory: Inventory): Place | null {
    const { memory } = this.#options;
    if (memory?.inventory !== inventory) return null;
    const { mount } = inventory;
    const { version, cpuMount = null, countsSwap = true } = memory;
    const cpu = version === 2 ? mount : cpuMount;
    return { version, mount, cpuMount: cpu, countsSwap, memory: new MemoryReader({ mount, version }) };
  }

  #hostSamples(): Sample[] {
    const owner = { key: '/host', attributes: HOST, startTime: toHrTime(wallMs() - uptime() * 1000) };
    const pressure = this.#readHost();
    return [
      ...(pressure === null ? [] : this.#memorySamples(owner, pressure)),
      ...valuesOf(
        owner,
        readWaits((resource) => join(dirname(this.#options.path), resource)),
      ),
    ];
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

  /** The samples that are also the last ones of a container. */
  #kept(inventory: Inventory, container: Container, owner: Owner, place: Place | undefined): Sample[] {
    return [
      ...this.#pressureSamples(inventory, container, owner),
      ...(place === undefined ? [] : valuesOf(owner, countersOf(place, container.raw))),
    ];
  }

  #pressureSamples(inventory: Inventory, container: Container, owner: Owner): Sample[] {
    if (inventory !== this.#options.pressure) return [];
    const folder = joinRaw(inventory.mount, container.raw);
    const scoped = { ...owner, attributes: withScope(owner.attributes) };
    const pressure = this.#readContainer(inventory, container);
    return [
      ...(pressure === null ? [] : this.#memorySamples(scoped, pressure)),
      ...valuesOf(
        scoped,
        readWaits((resource) => joinRaw(folder, `${resource}.pressure`)),
      ),
    ];
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

  #memorySamples(owner: Owner, pressure: Pressure): Sample[] {
    return [
      sampleOf(owner, metrics.score, pressureScore(pressure, this.#window)),
      sampleOf(owner, metrics.waiting, pressure.some.totalUs),
      sampleOf(owner, metrics.stalled, pressure.full.totalUs),
    ];
  }
}
