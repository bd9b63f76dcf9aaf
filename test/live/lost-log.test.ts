/** A real Floatie whose log cannot be written: it goes on, counts what is lost, and says so when it can again. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { MAIN } from '../support/floatie.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { folder } from '../support/peers.ts';

interface Started extends AsyncDisposable {
  readonly process: ChildProcess;
  scrape(): Promise<Metrics>;
  /** It says one more line. */
  reload(): void;
}

/** Starts Floatie with this as its standard error, and waits for its port and not for its log. */
async function start(stderr: number | 'pipe'): Promise<Started> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  const args = ['service.pipelines.metrics.receivers=[pressure]', `exporters.prometheus.port=${port}`];
  const command = [MAIN, ...args.flatMap((setting) => ['--set', setting])];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', stderr] });
  const exited = once(child, 'exit');
  const scrape = async (): Promise<Metrics> => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(10_000) });
    return parseMetrics(await response.text());
  };
  await eventually('it answers', () => scrape().catch(() => null));
  return {
    process: child,
    scrape,
    reload: () => child.kill('SIGHUP'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function losesLines(floatie: Started): Promise<void> {
  await eventually('lines are lost', async () => {
    floatie.reload();
    return (await floatie.scrape()).sum('floatie_log_lines_lost_total') >= 2;
  });
  assert.deepEqual([floatie.process.exitCode, floatie.process.signalCode], [null, null]);
}

suite('a log that cannot be written ends nothing', () => {
  test('because the disk is full', async () => {
    const full = openSync('/dev/full', 'w');
    await using floatie = await start(full);
    closeSync(full);
    await losesLines(floatie);
  });

  test('because nobody is at the other end of the pipe', async () => {
    await using floatie = await start('pipe');
    floatie.process.stderr?.destroy();
    await losesLines(floatie);
  });

  test('because the reader of the pipe reads no more', async () => {
    using home = folder({});
    const path = join(home.path, 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const writer = openSync(path, 'w');
    try {
      assert.throws(() => {
        for (;;) writeSync(reader, 'x'.repeat(4096));
      }, /EAGAIN/);
      await using floatie = await start(writer);
      await losesLines(floatie);
    } finally {
      for (const fd of [reader, writer]) closeSync(fd);
    }
  });

  test('because a file may not grow; once it may, the log says how many lines are lost', async () => {
    using home = folder({ log: '' });
    const path = join(home.path, 'log');
    const file = openSync(path, 'a');
    await using floatie = await start(file);
    closeSync(file);
    const limit = (bytes: string): Buffer =>
      execFileSync('prlimit', [`--pid=${floatie.process.pid}`, `--fsize=${bytes}:unlimited`]);
    limit(`${statSync(path).size}`);
    await losesLines(floatie);
    limit('unlimited');
    await eventually('it says so', () =>
      /warn {2}Lines of the log are lost.* lost=\d/.test(readFileSync(path, 'utf8')),
    );
    floatie.reload();
    await eventually('the next line follows', () => /lost=\d+\n.*reloaded/s.test(readFileSync(path, 'utf8')));
  });
});
