/** How a real Floatie stops: at once where nothing is to be sent, and soon where nobody takes its last export. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { assertNothingLeft, heldBy } from '../support/kernel-objects.ts';
import { missing } from '../support/requirements.ts';
import { firedTimers, WATCH_TIMERS } from '../support/timers.ts';

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

suite('a Floatie that has nothing to send', { skip: missing('root', 'btf') }, () => {
  const command = [process.execPath, '--import', WATCH_TIMERS, MAIN];

  /** A connection to its port that sends this, and then waits. */
  async function connectTo({ url }: { url: string }, text: string): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }

  for (const [who, text] of [
    ['nobody is connected', null],
    ['somebody is connected who never asked', ''],
    ['somebody is connected who is still asking', 'GET /metrics HTTP/1.1\r\nhost: a\r\n'],
    ['somebody is connected who has the answer', 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n'],
  ] as const) {
    test(`waits for no timer when ${who}`, async (context) => {
      await using floatie = await startFloatie([], { command });
      const socket = text === null ? null : await connectTo(floatie, text);
      if (text?.includes('healthz')) await once(socket as Socket, 'data');
      socket?.resume();
      await floatie.scrape(); // whatever came before has been heard by now
      const began = performance.now();
      assert.equal(await floatie.stop(), 0);
      context.diagnostic(`${(performance.now() - began).toFixed(0)} ms`);
      socket?.destroy();
      assert.deepEqual(firedTimers(floatie.log), []);
    });
  }

  for (const [exporter, url] of [
    ['otlp', 'http://127.0.0.1:1'],
    ['otlphttp', 'http://127.0.0.1:1'],
  ] as const) {
    test(`tries the last export by ${exporter} no longer than once when its collector was away before`, async (context) => {
      const exporters = `service.pipelines.metrics.exporters=[prometheus,${exporter}]`;
      await using floatie = await startFloatie(
        [
          '--set',
          exporters,
          '--set',
          `exporters.${exporter}.endpoint=${url}`,
          '--set',
          `exporters.${exporter}.interval_ms=1000`,
        ],
        { command },
      );
      await eventually('an export failed', () =>
        floatie.log.some(({ message }) => message.startsWith(`Cannot export by ${exporter}: `)),
      );
      const began = performance.now();
      assert.equal(await floatie.stop(), 0);
      context.diagnostic(`${(performance.now() - began).toFixed(0)} ms`);
      assert.deepEqual(
        firedTimers(floatie.log).filter((ms) => ms > 600),
        [],
      );
    });
  }
});
