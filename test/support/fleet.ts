/** Many simulated nodes, a gateway as examples/fleet has it, and VictoriaMetrics behind it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { cpuMs, memoryOf } from '../../bench/costs.ts';
import { type Database, startDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { FleetNode } from './fleet-node.ts';
import { freePort, peer, startDaemon } from './peers.ts';

export const CONTAINERS = 50;
const EXAMPLES = join(import.meta.dirname, '../../examples/fleet');

export interface Gateway extends AsyncDisposable {
  readonly endpoint: string;
  /** Of the collector that runs. */
  pid(): number;
  start(): Promise<void>;
  /** SIGKILL: what it has in memory is gone. */
  kill(): Promise<void>;
}

export async function createGateway(database: string): Promise<Gateway> {
  const address = `127.0.0.1:${await freePort()}`;
  const env = { ...process.env, GATEWAY_GRPC: address, VICTORIA_METRICS: database };
  const run = () => startDaemon(peer('otelcol'), ['--config', join(EXAMPLES, 'gateway.yaml')], { env });
  let daemon: ReturnType<typeof run> | null = null;
  const kill = async (): Promise<void> => {
    await daemon?.stop('SIGKILL');
    daemon = null;
  };
  return {
    endpoint: `http://${address}`,
    pid: () => daemon?.process.pid ?? 0,
    async start() {
      const started = run();
      daemon = started;
      await eventually('the gateway is ready', () => started.output().includes('Everything is ready'));
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** With labels as the example makes them. */
export function startFleetDatabase(): Promise<Database> {
  return startDatabase({
    command: peer('victoria-metrics'),
    // Its default hides the last 30 s.
    args: (address) => [
      ...['-storageDataPath=data', `-httpListenAddr=${address}`, '-search.latencyOffset=0s'],
      `-relabelConfig=${join(EXAMPLES, 'relabel.yaml')}`,
    ],
    ready: '/health',
  });
}

export interface FleetOptions {
  readonly nodes: number;
  readonly endpoint: string;
  readonly intervalMs: number;
}

/** Nodes that begin one after the other within an interval, as they do in life, and work at each interval. */
export class Fleet {
  readonly nodes: readonly FleetNode[];
  readonly #intervalMs: number;
  #working: NodeJS.Timeout | undefined;

  static async create({ nodes, endpoint, intervalMs }: FleetOptions): Promise<Fleet> {
    const set = [
      ...['service.pipelines.metrics.exporters=otlp', `exporters.otlp.endpoint=${endpoint}`],
      ...[`exporters.otlp.interval_ms=${intervalMs}`, `exporters.otlp.timeout_ms=${intervalMs}`],
      'exporters.otlp.compression=gzip',
    ];
    const names = Array.from({ length: nodes }, (_, at) => `node-${at}`);
    return new Fleet(await Promise.all(names.map((name) => FleetNode.create(name, CONTAINERS, set))), intervalMs);
  }

  private constructor(nodes: readonly FleetNode[], intervalMs: number) {
    this.nodes = nodes;
    this.#intervalMs = intervalMs;
  }

  async begin(): Promise<void> {
    this.#work();
    this.#working = setInterval(() => this.#work(), this.#intervalMs);
    for (const node of this.nodes) {
      node.begin();
      await sleep(this.#intervalMs / this.nodes.length);
    }
  }

  #work(): void {
    for (const node of this.nodes) node.work();
  }

  /** No container does anything from now on. */
  rest(): void {
    clearInterval(this.#working);
  }

  async stop(): Promise<void> {
    this.rest();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** What the servers took since they started. */
export interface Usage {
  readonly gateway: { readonly cpuMs: number; readonly residentMb: number };
  readonly database: {
    readonly cpuMs: number;
    readonly residentMb: number;
    readonly samples: number;
    readonly diskMb: number;
  };
}

export async function usageOf(gateway: Gateway, database: Database): Promise<Usage> {
  const text = await (await fetch(`${database.url}/metrics`)).text();
  const total = (metric: string): number =>
    Array.from(text.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\S+)$`, 'gm')), ([, value]) => Number(value)).reduce(
      (sum, value) => sum + value,
      0,
    );
  const of = (pid: number) => ({ cpuMs: cpuMs(pid), residentMb: memoryOf(pid).residentMb });
  return {
    gateway: of(gateway.pid()),
    database: {
      ...of(database.pid),
      samples: total('vm_rows_inserted_total'),
      diskMb: total('vm_data_size_bytes') / 1e6,
    },
  };
}

export async function nodesIn(database: Database): Promise<number> {
  const [series] = await database.query('count(count by (service_instance_id) (floatie_build_info))');
  return Number(series?.value?.[1] ?? 0);
}

/** Waits until every container of every node has its true totals in the database. */
export async function assertExact(database: Database, { nodes }: Fleet, timeoutMs: number): Promise<void> {
  const expected = new Map(nodes.flatMap((node) => [...node.totals()]));
  const metrics = new Set(Array.from(expected.keys(), (series) => series.split(' ')[0] ?? ''));
  for (const metric of metrics) {
    const wanted = new Map([...expected].filter(([series]) => series.startsWith(`${metric} `)));
    const stored = async (): Promise<Map<string, number>> => {
      const all = await database.query(`sum by (service_instance_id, cgroup) (${metric})`);
      return new Map(
        all.map(({ metric: { service_instance_id: node, cgroup }, value }) => [
          `${metric} ${node} ${cgroup}`,
          Number(value?.[1]),
        ]),
      );
    };
    await eventually(`${metric} is exact`, async () => isDeepStrictEqual(await stored(), wanted), timeoutMs).catch(
      async () => assert.deepEqual(await stored(), wanted),
    );
  }
}
