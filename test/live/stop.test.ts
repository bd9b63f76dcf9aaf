/** How long a real Floatie takes to stop when nobody takes its last export. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { assertNothingLeft, heldBy } from '../support/kernel-objects.ts';
import { missing } from '../support/requirements.ts';

suite('a Floatie whose collector takes connections and never answers', { skip: missing('root', 'btf') }, () => {
  async function start() {
    const sockets = new Set<Socket>();
    const collector = createServer((socket) => sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as { port: number };
    const floatie = await startFloatie([
      ...['--set', `exporters.otlp.endpoint=http://127.0.0.1:${port}`, '--set', 'exporters.otlp.timeout_ms=60000'],
      ...['--set', `exporters.otlphttp.endpoint=http://127.0.0.1:${port}`],
      ...['--set', 'service.pipelines.metrics.exporters=[prometheus,otlp,otlphttp]'],
    ]);
    return {
      floatie,
      async [Symbol.asyncDispose]() {
        await floatie.stop('SIGKILL');
        for (const socket of sockets) socket.destroy();
        collector.close();
      },
    };
  }

  test('stops within 10 s', async (context) => {
    await using started = await start();
    const began = performance.now();
    assert.equal(await started.floatie.stop(), 0);
    const took = performance.now() - began;
    context.diagnostic(`${took.toFixed(0)} ms`);
    assert.ok(took < 10_000, `${took} ms`);
  });

  test('ends at once when it is told again, and leaves nothing in the kernel', async () => {
    await using started = await start();
    const { process, log, stop } = started.floatie;
    const held = heldBy(process.pid ?? 0);
    process.kill('SIGINT');
    await eventually('it stops', () => log.some(({ message }) => message === 'Stopping'));
    // The same Ctrl-C may come twice, from a terminal and from npm.
    process.kill('SIGINT');
    await sleep(1200);
    assert.equal(process.exitCode, null, 'it does not take that for a second one');
    const began = performance.now();
    assert.equal(await stop('SIGINT'), 1);
    assert.ok(performance.now() - began < 1000);
    assert.equal(log.at(-1)?.message, 'Ending at once');
    await assertNothingLeft(held);
  });
});
