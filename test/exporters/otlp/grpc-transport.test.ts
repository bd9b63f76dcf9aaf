/** What sends OTLP over gRPC, and the connection that it keeps or makes anew. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { grpcDestination } from '../../../src/exporters/otlp/connection.ts';
import { GrpcTransport } from '../../../src/exporters/otlp/grpc-transport.ts';
import { startOtlpPeer } from '../../support/otlp-peer.ts';
import { freePort } from '../../support/peers.ts';
import { startRefusingCollector } from '../../support/refusing-collector.ts';

function transportTo(endpoint: string, timeoutMs = 2000): GrpcTransport {
  return new GrpcTransport(grpcDestination({ endpoint, timeoutMs }, 'metrics'), 'metrics');
}

/** The name of the code with which it is not taken; undefined where it is. */
async function send(transport: GrpcTransport): Promise<string | undefined> {
  try {
    await transport.send(new Uint8Array());
    return;
  } catch (error) {
    return status[(error as { code: number }).code];
  }
}

suite('a connection by gRPC', () => {
  test('that cannot be made is tried anew by the next export, which does not wait as long as gRPC does', async () => {
    const port = await freePort();
    const transport = transportTo(`http://127.0.0.1:${port}`);
    for (let attempt = 0; attempt < 5; attempt++) assert.equal(await send(transport), 'UNAVAILABLE');
    await using collector = await startRefusingCollector(port);
    assert.deepEqual([await send(transport), collector.taken], [undefined, 1]);
    transport.shutdown();
  });

  test('is kept while the collector answers, whatever it says', async () => {
    for (const code of ['0', '8', '16', '3']) {
      await using peer = await startOtlpPeer('grpc', { trailers: { 'grpc-status': code } });
      const transport = transportTo(peer.url);
      for (let attempt = 0; attempt < 3; attempt++) {
        assert.equal(await send(transport), code === '0' ? undefined : status[Number(code)]);
      }
      assert.deepEqual([peer.requests.length, peer.connections()], [3, 1]);
      transport.shutdown();
    }
  });

  test('over which nothing comes back is made anew', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const transport = transportTo(`http://127.0.0.1:${port}`, 200);
    for (let attempt = 0; attempt < 2; attempt++) assert.equal(await send(transport), 'DEADLINE_EXCEEDED');
    assert.equal(sockets.size, 2);
    transport.shutdown();
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  });
});
