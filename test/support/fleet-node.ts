/** What a node with busy containers sends: Floatie's own engine and exporters, over counts that no kernel made. */
import { createHash } from 'node:crypto';
import type { Attributes } from '@opentelemetry/api';
import { kernelBoundsNs } from '../../src/config/bounds.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { attributesOf } from '../../src/containers/attributes.ts';
import type { Identity } from '../../src/containers/identity.ts';
import { toNs } from '../../src/metrics/buckets.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import { sourcesOf } from '../../src/metrics/observer.ts';
import { MetricRegistry, type Sample } from '../../src/metrics/registry.ts';
import { monotonicNs, toHrTime, wallMs } from '../../src/program/clock.ts';
import { Health } from '../../src/program/health.ts';
import { createLogger } from '../../src/program/log.ts';
import { measuredMetrics } from '../../src/receivers/index.ts';
import { CELLS, type CgroupTotals, type OperationTotals } from '../../src/receivers/overlayfs/counts.ts';
import { OPERATIONS, type Op } from '../../src/receivers/overlayfs/operations.ts';
import { overlayfsSamples } from '../../src/receivers/overlayfs/samples.ts';
import { metrics as pressure } from '../../src/receivers/pressure/metrics.ts';
import { Exporting } from '../../src/service/exporting.ts';
import { observeProcess, observeSelf, observeService } from '../../src/service/self-metrics.ts';

/** What a container that does something on its files does. */
const OPS: readonly Op[] = ['read', 'write', 'sync', 'open', 'readdir', 'create', 'remove'];
/** Where its time goes. */
const CAUSES = ['cpuNs', 'runqueueNs', 'deviceNs', 'commitNs'] as const;
/** From 2 µs to 65 ms: in whole µs, so that sums have no fractions. */
const DURATIONS_US = Array.from({ length: 60 }, (_, at) => Math.round(2 * 2 ** (at / 4)));
const OF_MEMORY: readonly Metric[] = [
  ...[pressure.score, pressure.waiting, pressure.stalled, pressure.headroom, pressure.majorFaults, pressure.throttled],
  ...[pressure.fileRefaults, pressure.cpuWaiting, pressure.cpuStalled, pressure.ioWaiting, pressure.ioStalled],
];

type Counts = { -readonly [Name in keyof OperationTotals]: OperationTotals[Name] } & { readonly buckets: number[] };

interface Container {
  readonly attributes: Attributes;
  readonly counts: CgroupTotals;
  readonly byOp: ReadonlyMap<Op, Counts>;
}

export class FleetNode {
  readonly name: string;
  readonly registry: MetricRegistry;
  readonly #exporting: Exporting;
  readonly #containers: readonly Container[];
  /** The bucket of each of {@link DURATIONS_US}. */
  readonly #buckets: readonly number[];
  #rounds = 0;

  /** @param set settings, as of --set */
  static async create(name: string, containers: number, set: readonly string[] = []): Promise<FleetNode> {
    const resource = JSON.stringify({ 'host.name': name, 'service.instance.id': name });
    const config = loadConfig({ env: {}, set: [`service.telemetry.resource=${resource}`, ...set] });
    const registry = new MetricRegistry([]);
    const health = new Health(createLogger('error', 'text', () => undefined));
    const exporting = await Exporting.create(config, new Map(), registry, health);
    const observer = sourcesOf(registry);
    observeProcess(observer);
    observeSelf(observer, health);
    observeService(observer, health);
    return new FleetNode(name, containers, config, registry, exporting);
  }

  private constructor(
    name: string,
    containers: number,
    config: Config,
    registry: MetricRegistry,
    exporting: Exporting,
  ) {
    this.name = name;
    this.registry = registry;
    this.#exporting = exporting;
    const gridNs = kernelBoundsNs(config, 'overlayfs');
    this.#buckets = DURATIONS_US.map((us) => gridNs.findIndex((bound) => us * 1000 <= bound));
    const identities = new Map<bigint, Identity>();
    this.#containers = Array.from({ length: containers }, (_, at) => {
      const containerId = createHash('sha256').update(`${name} ${at}`).digest('hex');
      const identity: Identity = {
        cgroup: `/system.slice/docker-${containerId}.scope`,
        containerId,
        runtime: 'docker',
      };
      identities.set(BigInt(at), identity);
      const byOp = new Map(OPS.map((op) => [op, noCounts(gridNs.length + 1)]));
      const counts = {
        key: `${at}`,
        cgroupId: BigInt(at),
        bornNs: monotonicNs(),
        operations: Object.fromEntries(byOp),
      };
      return { attributes: attributesOf(identity), counts: counts as CgroupTotals, byOp };
    });
    const identityOf = (id: bigint): Identity => identities.get(id) as Identity;
    const grid = { gridNs, defaultBounds: config.receivers.overlayfs.bounds_us };
    const all = this.#containers.map(({ counts }) => counts);
    registry.addSource({ metrics: measuredMetrics, read: () => overlayfsSamples(all, identityOf) }, grid);
    registry.addSource({ metrics: [], read: () => this.#memory() });
  }

  /** Every container does each of its operations some times more. */
  work(): void {
    this.#rounds++;
    for (const [at, { byOp }] of this.#containers.entries()) {
      for (const counts of byOp.values()) {
        for (let nth = 0; nth < 10; nth++) {
          const which = (at + 7 * nth + this.#rounds) % DURATIONS_US.length;
          const ns = toNs(DURATIONS_US[which] ?? 0);
          const bucket = this.#buckets[which] ?? 0;
          counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
          counts.sumNs += ns;
          counts.bytes += 4096;
          for (const cause of CAUSES) counts[cause] += ns / CAUSES.length;
        }
      }
    }
  }

  /** The true counts and sums of the histograms, over all operations: `METRIC NODE CGROUP`. */
  totals(): Map<string, number> {
    const totals = new Map<string, number>();
    const add = (series: string, value: number): unknown => totals.set(series, (totals.get(series) ?? 0) + value);
    for (const { attributes, byOp } of this.#containers) {
      for (const [op, { buckets, sumNs }] of byOp) {
        const { name = '' } = OPERATIONS.find((row) => row.op === op)?.latency ?? {};
        const count = buckets.reduce((sum, of) => sum + of, 0);
        add(`${name}_count ${this.name} ${attributes.cgroup}`, count);
        add(`${name}_sum ${this.name} ${attributes.cgroup}`, sumNs / 1000);
      }
    }
    return totals;
  }

  /** Exports at its interval from now on. */
  begin(): void {
    this.#exporting.begin(null);
    this.#exporting.push();
  }

  /** Exports once more. */
  async stop(): Promise<void> {
    this.#exporting.finish();
    await this.#exporting.stop();
  }

  *#memory(): Generator<Sample> {
    const startTime = toHrTime(wallMs());
    for (const [at, { attributes: own }] of this.#containers.entries()) {
      const attributes = { scope: 'container', ...own };
      for (const metric of OF_MEMORY) {
        const totals = [this.#rounds * 1000 * (at + 1)];
        yield { metric, member: { key: `${at}`, attributes, startTime, totals } };
      }
    }
  }
}

function noCounts(buckets: number): Counts {
  const cells = Object.fromEntries(CELLS.map((cell) => [cell, 0])) as Record<(typeof CELLS)[number], number>;
  return { ...cells, buckets: Array<number>(buckets).fill(0) };
}
