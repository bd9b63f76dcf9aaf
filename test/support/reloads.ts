/** Reloads under load and scrapes must lose no counts and leave nothing behind. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createCgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { startFloatie } from './floatie.ts';
import { heldBy } from './kernel-objects.ts';
import { parseMetrics } from './metrics-text.ts';
import { mountOverlay } from './overlay.ts';
import { missing } from './requirements.ts';
import { COLLECTS_GARBAGE, leastBytes } from './resident.ts';

const COUNT = 'floatie_overlayfs_write_latency_us_count';
const SYNCS = 'floatie_overlayfs_sync_latency_us_count';
/** Between two syncs. */
const WRITES = 1000;
const MAX_GROWTH = 12 << 20;
/** Reloads until all code is loaded and compiled. */
const WARM_UP = 10;

/** Configurations in turn, some of them broken; the first is the initial one. */
const TURNS: readonly ((port: number) => string)[] = [
  () => 'views: []',
  () =>
    'views: [{selector: {instrument_name: floatie_overlayfs_*}, stream: {attribute_keys: {excluded: [container.id]}}}]',
  (port) => `exporters: {otlp: {endpoint: "http://127.0.0.1:${port}", interval_ms: 1000, timeout_ms: 500}}`,
  () => 'exporters: {prometheus: {prot: 1}}',
  () => 'containers: {names: true, exclude: ["/nobody"]}',
  (port) => `{
    exporters: {otlphttp: {endpoint: "http://127.0.0.1:${port}"}, debug: {}},
    service: {
      pipelines: {metrics: {exporters: [prometheus, otlphttp, debug]}},
      telemetry: {log_level: warn, resource: {turn: other}},
    },
  }`,
  () => 'kernel: {max_map_entries: 7}',
];

export function testReloads(count: number): void {
  test(`${count} reloads under load lose no count, refuse no scrape and leave nothing behind`, {
    skip: missing('root', 'btf'),
  }, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'floatie-reload-'));
    const file = join(folder, 'floatie.yaml');
    // A dead collector, so that there is always an export to retry.
    const collector = createServer().listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as { port: number };
    collector.close();
    const use = (turn: number): void => writeFileSync(file, TURNS[turn % TURNS.length]?.(port) ?? '');
    use(0);
    using overlay = mountOverlay();
    await using cgroup = createCgroup('reload');
    await using floatie = await startFloatie(['--config', file], { env: COLLECTS_GARBAGE });
    const pid = floatie.process.pid ?? 0;
    const scrape = async () => {
      // A new connection for each: an idle one would not notice that a port is closed for a moment.
      const request = get(floatie.url, { agent: false, headers: { 'accept-encoding': 'identity' } });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const body = await text(response);
      assert.equal(response.statusCode, 200, body);
      return parseMetrics(body);
    };
    let underWay = true;
    let written = 0;
    const write = async (): Promise<void> => {
      while (underWay) {
        const of = join(overlay.path, 'file');
        const child = spawn(...cgroup.wrap('dd', 'if=/dev/zero', `of=${of}`, 'bs=1', `count=${WRITES}`, 'conv=fsync'), {
          stdio: 'ignore',
        });
        assert.deepEqual(await once(child, 'exit'), [0, null]);
        written += WRITES;
      }
    };
    let scrapes = 0;
    const watch = async (): Promise<void> => {
      let last = 0;
      while (underWay) {
        const before = written;
        const now = (await scrape()).sum(COUNT, { cgroup: cgroup.name });
        assert.ok(now >= last && now >= before, `${now} writes, after ${last} and when ${before} were done`);
        last = now;
        scrapes++;
      }
    };
    const reload = async (turn: number): Promise<void> => {
      const isBroken = TURNS[turn % TURNS.length]?.(port).includes('prot:');
      const name = isBroken
        ? 'floatie_config_last_reload_successful'
        : 'floatie_config_last_reload_success_timestamp_seconds';
      const before = (await scrape()).sum(name);
      use(turn);
      floatie.process.kill('SIGHUP');
      await eventually(`reload ${turn} is done`, async () => {
        const now = (await scrape()).sum(name);
        return isBroken ? now === 0 : now > before;
      });
    };
    let load: Promise<unknown> = Promise.resolve();
    try {
      await scrape();
      const held = heldBy(pid);
      const files = openFiles(pid, floatie.url);
      let warm = 0;
      load = Promise.all([write(), watch()]);
      load.catch(() => undefined); // checked below
      for (let turn = 1; turn <= count; turn++) {
        await reload(turn);
        if (turn === Math.min(WARM_UP, count)) warm = await leastBytes(floatie);
      }
      await reload(0);
      underWay = false;
      await load;
      const metrics = await scrape();
      assert.equal(metrics.sum(COUNT, { cgroup: cgroup.name }), written);
      assert.equal(metrics.sum(SYNCS, { cgroup: cgroup.name }), written / WRITES);
      const rss = await leastBytes(floatie);
      context.diagnostic(`${scrapes} scrapes, ${written} writes; RSS ${warm >> 10} kB, then ${rss >> 10} kB`);
      assert.deepEqual(heldBy(pid).sort(), held.sort());
      await eventually(
        'all descriptors but those of before are closed',
        () => openFiles(pid, floatie.url).length <= files.length,
      ).catch((error) => {
        throw new Error(`${error.message}: ${files.join(', ')}; now ${openFiles(pid, floatie.url).join(', ')}`);
      });
      assert.ok(rss - warm <= MAX_GROWTH, `RSS grew by ${rss - warm} bytes`);
      assert.equal(await floatie.stop(), 0);
    } finally {
      underWay = false;
      await load.catch(() => undefined);
      rmSync(folder, { recursive: true });
    }
  });
}

/** The targets of all descriptors but those of client connections, whose life the clients decide. */
function openFiles(pid: number, url: string): string[] {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  const connections = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').matchAll(
    new RegExp(`^ *\\d+: \\w+:${port} \\w+:\\w+ 01(?: +\\S+){5} +(\\d+)`, 'gm'),
  );
  const theirs = Array.from(connections, ([, inode]) => `socket:[${inode}]`);
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const file = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return theirs.includes(file) ? [] : [file];
    } catch {
      return []; // closed meanwhile
    }
  });
}
