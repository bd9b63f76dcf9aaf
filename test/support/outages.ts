/** Outages of collectors under load, over gRPC and HTTP, and the invariants during and after them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { createCgroup } from './cgroup.ts';
import { type Collector, createCollector, type Point } from './collector.ts';
import { eventually } from './eventually.ts';
import { type Floatie, startFloatie } from './floatie.ts';
import { type Metrics, parseMetrics } from './metrics-text.ts';
import { mountOverlay } from './overlay.ts';
import { type RefusingCollector, startRefusingCollector, startRefusingHttpCollector } from './refusing-collector.ts';
import { missing } from './requirements.ts';
import { COLLECTS_GARBAGE, leastBytes } from './resident.ts';

const WRITES = 'floatie_overlayfs_write_latency_us';
const MAX_GROWTH = 16 << 20;

/** A collector for each protocol, or a substitute at its port. */
interface Pair<T> {
  readonly grpc: T;
  readonly http: T;
}

type Collectors = Pair<Collector>;

/** Stops the collectors, does something else at their ports while `under` runs, and starts them again. */
type Outage = (collectors: Collectors, under: (seconds: number) => Promise<void>, seconds: number) => Promise<void>;

const OUTAGES = {
  async 'is down'(collectors, under, seconds) {
    await stop(collectors);
    await under(seconds);
    await start(collectors);
  },
  async 'comes and goes'(collectors, under, seconds) {
    for (let at = 0; at < seconds; at += 6) {
      await stop(collectors);
      await under(3);
      await start(collectors);
      await under(3);
    }
  },
  async 'takes connections and never answers'(collectors, under, seconds) {
    await stop(collectors);
    {
      await using grpc = await startSilent(portsOf(collectors).grpc);
      await using http = await startSilent(portsOf(collectors).http);
      await under(seconds);
      assert.ok(grpc.connections() > 0 && http.connections() > 0, 'both were asked');
    }
    await start(collectors);
  },
  async 'answers seconds late'(collectors, under, seconds) {
    await replaced(
      collectors,
      () => under(seconds),
      (late) => {
        // Some answers come before the timeout of 1.5 s.
        late.delayMs = () => 500 + 1000 * (late.asked % 4);
      },
    );
  },
  async 'is exhausted'(collectors, under, seconds) {
    await replaced(
      collectors,
      () => under(seconds),
      (refusing) => {
        refusing.refuse = status.RESOURCE_EXHAUSTED;
      },
    );
  },
} satisfies Record<string, Outage>;

async function replaced(
  collectors: Collectors,
  work: () => Promise<void>,
  behave: (collector: RefusingCollector) => void,
): Promise<void> {
  const { grpc: grpcPort, http: httpPort } = portsOf(collectors);
  await stop(collectors);
  {
    await using grpc = await startRefusingCollector(grpcPort);
    await using http = await startRefusingHttpCollector(httpPort);
    behave(grpc);
    behave(http);
    await work();
    assert.ok(grpc.asked > 0 && http.asked > 0, 'both were asked');
  }
  await start(collectors);
}

function portsOf({ grpc, http }: Collectors): Pair<number> {
  return { grpc: Number(new URL(grpc.endpoint).port), http: Number(new URL(http.httpEndpoint).port) };
}

async function start({ grpc, http }: Collectors): Promise<void> {
  await Promise.all([grpc.start(), http.start()]);
}

async function stop({ grpc, http }: Collectors): Promise<void> {
  await Promise.all([grpc.stop(), http.stop()]);
}

async function startSilent(port: number): Promise<AsyncDisposable & { connections(): number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function startPushing({ grpc, http }: Pair<string>): Promise<Floatie> {
  const often = (type: string): string[] => [`${type}.interval_ms=2000`, `${type}.timeout_ms=1500`];
  const settings = [
    'service.pipelines.metrics.exporters=prometheus,otlp,otlphttp',
    ...[`exporters.otlp.endpoint=${grpc}`, ...often('exporters.otlp')],
    ...[`exporters.otlphttp.endpoint=${http}`, ...often('exporters.otlphttp')],
  ];
  return startFloatie(
    settings.flatMap((pair) => ['--set', pair]),
    { env: COLLECTS_GARBAGE },
  );
}

/** The durations of one Floatie's scrapes, in ms. */
class Scrapes {
  readonly #floatie: Floatie;
  readonly times: number[] = [];

  constructor(floatie: Floatie) {
    this.#floatie = floatie;
  }

  async scrape(): Promise<Metrics> {
    const began = performance.now();
    const text = await (await fetch(this.#floatie.url, { signal: AbortSignal.timeout(30_000) })).text();
    this.times.push(performance.now() - began);
    return parseMetrics(text);
  }

  /** The median of the p99s of ten intervals: the machine has slow moments that need not hit both Floaties. */
  p99(): number {
    const length = Math.ceil(this.times.length / 10);
    const parts = Array.from({ length: 10 }, (_, part) => this.times.slice(part * length, (part + 1) * length));
    return quantile(
      0.5,
      parts.map((times) => quantile(0.99, times)),
    );
  }
}

function quantile(share: number, values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}

/** @param seconds the duration of each outage @param timed whether to compare scrape durations */
export function testOutages(seconds: Readonly<Record<keyof typeof OUTAGES, number>>, timed: boolean): void {
  suite('a collector under load that', { skip: missing('root', 'btf') }, () => {
    for (const [name, outage] of Object.entries(OUTAGES) as [keyof typeof OUTAGES, Outage][]) {
      const length = seconds[name];
      test(`${name} loses no total, delays no scrape and costs no memory`, async (context) => {
        await using grpc = await createCollector();
        await using http = await createCollector();
        await start({ grpc, http });
        using overlay = mountOverlay();
        await using cgroup = createCgroup('outages');
        await using floatie = await startPushing({ grpc: grpc.endpoint, http: http.httpEndpoint });
        // A second Floatie without outages, for comparison: other load on the machine delays the scrapes of both.
        await using takesGrpc = await startRefusingCollector();
        await using takesHttp = await startRefusingHttpCollector();
        await using calm = await startPushing({ grpc: takesGrpc.endpoint, http: takesHttp.endpoint });

        let written = 0;
        const load = async (
          seconds: number,
          disturbed = new Scrapes(floatie),
          undisturbed = new Scrapes(calm),
        ): Promise<void> => {
          const end = performance.now() + seconds * 1000;
          do {
            cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1000');
            written += 1000;
            const turns = [disturbed, undisturbed];
            for (const scrapes of disturbed.times.length % 2 === 0 ? turns : turns.reverse()) {
              const metrics = await scrapes.scrape();
              assert.equal(metrics.sum(`${WRITES}_count`, { cgroup: cgroup.name }), written);
            }
          } while (performance.now() < end);
        };
        const arrived = async (): Promise<void> => {
          const sum = (await floatie.scrape()).sum(`${WRITES}_sum`, { cgroup: cgroup.name });
          const isThere = ({ name, attributes, value, sum: total }: Point): boolean =>
            name === WRITES && attributes.cgroup === cgroup.name && value === written && total === sum;
          for (const [protocol, collector] of Object.entries({ grpc, http })) {
            const last = (): readonly Point[] => collector.exports().at(-1)?.points ?? [];
            await eventually(`${written} writes have arrived by ${protocol}`, () => last().some(isThere));
          }
        };
        await load(Math.min(length / 2, 30));
        await arrived();
        const bytes = await leastBytes(floatie);
        const [disturbed, undisturbed] = [new Scrapes(floatie), new Scrapes(calm)];
        let growth = 0;
        await outage(
          { grpc, http },
          async (seconds) => {
            await load(seconds, disturbed, undisturbed);
            growth = Math.max(growth, (await leastBytes(floatie)) - bytes);
          },
          length,
        );
        await arrived();

        const [much, little] = [disturbed.p99(), undisturbed.p99()];
        context.diagnostic(
          `p99 of ${disturbed.times.length} scrapes ${much.toFixed(1)} ms, undisturbed ${little.toFixed(1)} ms; ${growth >> 10} kB more are resident`,
        );
        assert.ok(growth <= MAX_GROWTH, `${growth} bytes more are resident`);
        if (timed) assert.ok(much <= 2 * little, `p99 of scrapes ${much} ms, undisturbed ${little} ms`);
        const metrics = await floatie.scrape();
        for (const exporter of ['otlp', 'otlphttp']) {
          const last = metrics.sum('floatie_otlp_last_success_timestamp_seconds', { exporter });
          assert.ok(Date.now() / 1000 - last < 10, `the last success of ${exporter} is a moment ago`);
        }
        for (const process of [floatie, calm]) assert.equal(await process.stop(), 0);
      });
    }
  });
}
