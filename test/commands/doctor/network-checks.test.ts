import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { suite, test } from 'node:test';
import { exporters, listeners, ownerOf } from '../../../src/commands/doctor/network-checks.ts';
import { loadConfig } from '../../../src/config/load.ts';

test('who listens is told by the table of the kernel', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5151 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2382 0100007F:8E0C 01 00000000:00000000 00:00000000 00000000     0        0 5252 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5353 1 0000000000000000 100 0 0 10 0
`;
  assert.deepEqual(listeners(table, 9090), ['socket:[5151]']);
  assert.deepEqual(listeners(table, 9091), []);
  assert.deepEqual(listeners('', 9090), []);
});

suite('exporters', () => {
  async function open(): Promise<{ server: Server; port: number }> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, port: (server.address() as AddressInfo).port };
  }

  async function verdicts(...set: string[]): Promise<Record<string, string>> {
    const checks = await exporters(loadConfig({ env: {}, set: ['exporters.prometheus.port=0', ...set] }));
    return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
  }

  test('that are off are not needed', async () => {
    assert.deepEqual(await verdicts(), { 'exporters.prometheus': 'ok', 'exporters.otlp': 'unneeded' });
  });

  test('are reached, or not', async () => {
    const { server, port } = await open();
    const otlp = `exporters.otlp.endpoint=http://127.0.0.1:${port}`;
    assert.equal((await verdicts(otlp))['exporters.otlp'], 'ok');
    server.close();
    await once(server, 'close');
    assert.equal((await verdicts(otlp))['exporters.otlp'], 'warn');
  });

  test('that want the same port cannot have it', async () => {
    const { server, port } = await open();
    server.close();
    await once(server, 'close');
    const two = [`exporters.prometheus/a.port=${port}`, `exporters.prometheus/b.port=${port}`];
    const found = await verdicts(...two, 'service.pipelines.metrics.exporters=[prometheus/a,prometheus/b]');
    assert.deepEqual(found, { 'exporters.prometheus/a': 'ok', 'exporters.prometheus/b': 'fail' });
  });

  test('whose port is taken say by whom', async () => {
    const { server, port } = await open();
    assert.match(ownerOf(port) ?? '', new RegExp(`^node.*\\(pid ${process.pid}\\)$`));
    server.close();
    await once(server, 'close');
    assert.equal(ownerOf(port), null);
  });
});
