/** Outages of a collector under load, and what must hold during and after them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { createCgroup } from './cgroup.ts';
import { type Collector, createCollector } from './collector.ts';
import { eventually } from './eventually.ts';
import { startFloatie } from './floatie.ts';
import { mountOverlay } from './overlay.ts';
import { startRefusingCollector } from './refusing-collector.ts';
import { missing } from './requirements.ts';

const WRITES = 'floatie_overlayfs_write_latency_us';
const MAX_GROWTH = 16 << 20;

/** Stops the collector, does something else at its address while `under` runs, and starts it again. */
type Outage = (collector: Collector, under: (seconds: number) => Promise<void>, seconds: number) => Promise<void>;

const OUTAGES: Readonly<Record<string, Outage>> = {
  async 'is down'(collector, under, seconds) {
    await collector.stop();
    await under(seconds);
    await collector.start();
  },
  async 'comes and goes'(collector, under, seconds) {
    for (let at = 0; at < seconds; at += 6) {
      await collector.stop();
      await under(3);
      await collector.start();
      await under(3);
    }
  },
  async 'takes connections and never answers'(collector, under, seconds) {
    await collector.stop();
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    silent.listen(portOf(collector), '127.0.0.1');
    await once(silent, 'listening');
    try {
      await under(seconds);
      assert.ok(sockets.size > 0, 'it was asked');
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
    await collector.start();
  },
  async 'is exhausted'(collector, under, seconds) {
    await collector.stop();
    {
      await using refusing = await startRefusingCollector(portOf(collector));
      refusing.refuse = status.RESOURCE_EXHAUSTED;
      await under(seconds);
    }
    await collector.start();
  },
};

function portOf(collector: Collector): number {
  return Number(new URL(collector.endpoint).port);
}

/** @param seconds how long each outage is; scrapes are timed where that is long enough to compare */
export function testOutages(seconds: Readonly<Record<keyof typeof OUTAGES, number>>, timed: boolean): void {
  suite('a collector under load that', { skip: missing('root', 'btf') }, () => {
    for (const [name, outage] of Object.entries(OUTAGES)) {
      test(`${name} loses no total, delays no scrape and costs no memory`, async (context) => {
        await using collector = await createCollector();
        await collector.start();
        using overlay = mountOverlay();
        await using cgroup = createCgroup('outages');
        await using floatie = await startFloatie([
          ...['--set', `exporters.otlp.endpoint=${collector.endpoint}`],
          ...['--set', 'exporters.otlp.interval_ms=2000', '--set', 'exporters.otlp.timeout_ms=1000'],
        ]);
        let written = 0;
        let rss = 0;
        let times: number[] = [];
        const load = async (seconds: number): Promise<void> => {
          const end = performance.now() + seconds * 1000;
          do {
            cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
            written += 100;
            const began = performance.now();
            const metrics = await floatie.scrape();
            times.push(performance.now() - began);
            rss = metrics.sum('process_resident_memory_bytes');
            assert.equal(metrics.sum(`${WRITES}_count`, { cgroup: cgroup.name }), written);
          } while (performance.now() < end);
        };
        const arrived = async (): Promise<unknown> =>
          eventually(
            `${written} writes have arrived`,
            () => {
              const points = collector.exports().at(-1)?.points ?? [];
              return points.some(
                ({ name, attributes, value }) =>
                  name === WRITES && attributes.cgroup === cgroup.name && value === written,
              );
            },
            30_000,
          );
        const length = seconds[name] ?? 0;
        await load(length);
        await arrived();
        const [calm, before] = [percentile(times), rss];
        times = [];
        await outage(collector, load, length);
        const disturbed = percentile(times);
        await arrived();
        context.diagnostic(
          `p99 of scrapes ${calm.toFixed(1)} ms, in the outage ${disturbed.toFixed(1)} ms; RSS ${before >> 10} kB, then ${rss >> 10} kB`,
        );
        assert.ok(rss - before <= MAX_GROWTH, `RSS grew by ${rss - before} bytes`);
        if (timed) assert.ok(disturbed <= 2 * calm, `p99 of scrapes ${calm} ms, in the outage ${disturbed} ms`);
        const last = (await floatie.scrape()).sum('floatie_otlp_last_success_timestamp_seconds', { exporter: 'otlp' });
        assert.ok(Date.now() / 1000 - last < 10, 'the last success is a moment ago');
        assert.equal(await floatie.stop(), 0);
      });
    }
  });
}

/** The 99th. */
function percentile(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
}
