/** What a node sends, and what a gateway and a database of many nodes take: simulated nodes, real exporters and servers. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { CONTAINERS, createGateway, Fleet, nodesIn, startFleetDatabase, usageOf } from '../test/support/fleet.ts';
import { FleetNode } from '../test/support/fleet-node.ts';
import type { Bench, Part } from './part.ts';
import { sleep } from './stopping.ts';

/** Of the exports. */
const INTERVAL_MS = 30_000;
/** How long it is measured, after the first export of each node. */
const INTERVALS = 4;

const [GATEWAY, DATABASE] = ['gateway', 'VictoriaMetrics'];

const FORMS: Readonly<Record<string, readonly string[]>> = {
  'explicit buckets': [],
  'exponential buckets': ['default_histogram_aggregation=base2_exponential_bucket_histogram'],
  delta: ['temporality=delta'],
  'a resource for each container': ['resource_per_container=true'],
};

export const exported: Part = {
  title: `An export of a node with ${CONTAINERS} busy containers`,
  measure: measureExport,
};
export const fleet10: Part = fleet(10);
export const fleet100: Part = fleet(100);

/** Not the first export, which with delta temporality has everything. */
async function measureExport({ results, rounds }: Bench): Promise<void> {
  for (const [form, settings] of Object.entries(FORMS)) {
    const sizes: { readonly wire: number; readonly whole: number }[] = [];
    const server = createServer(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
      sizes.push({ wire: body.length, whole: gunzipSync(body).length });
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const port = (server.address() as AddressInfo).port;
    const own = [`endpoint=http://127.0.0.1:${port}`, 'interval_ms=1000', 'compression=gzip', ...settings];
    const node = await FleetNode.create('node', CONTAINERS, [
      'service.pipelines.metrics.exporters=otlphttp',
      ...own.map((pair) => `exporters.otlphttp.${pair}`),
    ]);
    node.work();
    node.begin();
    while (sizes.length < 1 + rounds(5)) {
      node.work();
      await sleep(100);
    }
    await node.stop();
    server.close();
    for (const { wire, whole } of sizes.slice(1)) {
      results.add('its size', form, 'kB', whole / 1000);
      results.add('its size: gzip', form, 'kB', wire / 1000);
    }
  }
}

function fleet(nodes: number): Part {
  return {
    title: `${nodes} nodes with ${CONTAINERS} busy containers each, an export every ${INTERVAL_MS / 1000} s`,
    measure: (bench) => measure(nodes, bench),
  };
}

async function measure(nodes: number, { results, rounds }: Bench): Promise<void> {
  await using database = await startFleetDatabase();
  await using gateway = await createGateway(database.url);
  await gateway.start();
  const fleet = await Fleet.create({ nodes, endpoint: gateway.endpoint, intervalMs: INTERVAL_MS });
  try {
    await fleet.begin();
    while ((await nodesIn(database)) < nodes) await sleep(1000);
    for (let interval = 0; interval < rounds(INTERVALS); interval++) {
      const before = await usageOf(gateway, database);
      await sleep(INTERVAL_MS);
      const after = await usageOf(gateway, database);
      for (const [server, name] of [
        ['gateway', GATEWAY],
        ['database', DATABASE],
      ] as const) {
        const ms = after[server].cpuMs - before[server].cpuMs;
        results.add('CPU time', name, '%', (ms / INTERVAL_MS) * 100);
        results.add('CPU time for an export of a node', name, 'ms', ms / nodes);
        results.add('resident', name, 'MB', after[server].residentMb);
      }
      const samples = after.database.samples - before.database.samples;
      results.add('samples in an export of a node', DATABASE, 'samples', samples / nodes);
    }
    const [series] = await database.query('count({__name__!=""})');
    results.add('series of a node', DATABASE, 'series', Number(series?.value?.[1]) / nodes);
  } finally {
    await fleet.stop();
  }
}
