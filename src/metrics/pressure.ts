/** The pressure receiver as a source of metrics: the host, then every container that has pressure of its own. */
import { statSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Attributes, HrTime } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { identify, isContainer } from '../containers/identity.ts';
import { walk } from '../containers/walk.ts';
import {
  type Pressure,
  PressureError,
  type PressureReason,
  pressureScore,
  readPressure,
  type Window,
} from '../receivers/pressure.ts';
import { kernelMetrics } from './catalogue.ts';
import { attributesOf } from './identity.ts';
import type { Sample, Source } from './kernel-metrics.ts';

export interface PressureSourceOptions {
  /** The host's file. */
  readonly path: string;
  /** Where the v2 hierarchy is mounted, null when it is not visible. */
  readonly mount: string | null;
  readonly window: Window;
  /** The host's pressure cannot be read (an error with the cure), or can again (null). */
  readonly onHostState: (problem: PressureError | null) => void;
}

interface Container {
  /** Unique: a container that was started again has the path of the one before, and is another. */
  readonly key: string;
  readonly path: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  /** What was read of it last. */
  last: Sample[];
}

export class PressureSource implements Source {
  readonly metrics = [kernelMetrics.pressureScore, kernelMetrics.pressureWaiting, kernelMetrics.pressureStalled];
  readonly #options: PressureSourceOptions;
  readonly #bootTime = millisToHrTime(Date.now() - uptime() * 1000);
  #containers = new Map<string, Container>();
  #ended: Sample[] = [];
  #problem: PressureError | null = null;

  constructor(options: PressureSourceOptions) {
    this.#options = options;
  }

  /** Why the host's pressure cannot be read, or null. */
  get problem(): PressureReason | null {
    return this.#problem?.reason ?? null;
  }

  /** Looks which containers there are. */
  discover(): void {
    const { mount } = this.#options;
    if (mount === null) return;
    const paths = Array.from(walk(mount), ({ path }) => path).filter(isContainer);
    const found = new Map(
      paths.map((path) => {
        const container = containerAt(mount, path);
        return [container.key, this.#containers.get(container.key) ?? container];
      }),
    );
    for (const [key, { last }] of this.#containers) if (!found.has(key)) this.#ended.push(...last);
    this.#containers = found;
  }

  read(): Sample[] {
    const samples: Sample[] = [];
    const host = this.#readHost();
    if (host !== null) samples.push(...this.#samples('/host', { scope: 'host' }, this.#bootTime, host));
    for (const container of this.#containers.values()) {
      const { key, path, attributes, startTime } = container;
      // Between two looks another one may have taken its path.
      if (keyOf(this.#options.mount ?? '', path) !== key) continue;
      const pressure = this.#readContainer(path);
      if (pressure === null) continue;
      container.last = this.#samples(key, attributes, startTime, pressure);
      samples.push(...container.last);
    }
    return samples;
  }

  /** The last samples of containers that are gone since the last call. */
  retire(): Sample[] {
    return this.#ended.splice(0);
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

  /** null where a container has none of its own, or is gone: no sample, never a zero. */
  #readContainer(path: string): Pressure | null {
    try {
      return readPressure(join(this.#options.mount ?? '', path, 'memory.pressure'));
    } catch (error) {
      if (!(error instanceof PressureError)) throw error;
      return null;
    }
  }

  #samples(key: string, attributes: Attributes, startTime: HrTime, pressure: Pressure): Sample[] {
    const sample = (metric: Sample['metric'], value: number): Sample => ({
      metric,
      member: { key, attributes, startTime, totals: Float64Array.of(value) },
    });
    return [
      sample(kernelMetrics.pressureScore, pressureScore(pressure, this.#options.window)),
      sample(kernelMetrics.pressureWaiting, pressure.some.totalUs / 1e6),
      sample(kernelMetrics.pressureStalled, pressure.full.totalUs / 1e6),
    ];
  }
}

function containerAt(mount: string, path: string): Container {
  const created = statSync(join(mount, path), { throwIfNoEntry: false })?.ctimeMs ?? Date.now();
  const attributes = { scope: 'container', ...attributesOf(identify(path)) };
  return { key: keyOf(mount, path), path, attributes, startTime: millisToHrTime(created), last: [] };
}

/** The path and the inode, which is the cgroup's id. */
function keyOf(mount: string, path: string): string {
  return `${path}:${statSync(join(mount, path), { bigint: true, throwIfNoEntry: false })?.ino}`;
}
