/** A real Floatie, started as systemd starts a service. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { receiveDatagrams } from '../support/datagrams.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { missing } from '../support/requirements.ts';

suite('under systemd, Floatie', { skip: missing('root', 'btf') }, () => {
  test('says that it is ready, how it does, that its event loop lives, and that it stops', async () => {
    const notifySocket = `@floatie-live-${process.pid}`;
    using receiver = receiveDatagrams(notifySocket);
    const env = { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: '200000' };
    await using floatie = await startFloatie([], { env });
    await eventually('it is ready', () => receiver.received().some(([first]) => first === 'READY=1'));
    const [, status = ''] = receiver.received().find(([first]) => first === 'READY=1') ?? [];
    assert.match(
      status,
      /^STATUS=overlayfs by \w+, oom by \w+, kills by tracepoint, pressure by file, reclaim by tracepoint; http:\/\/127\.0\.0\.1:\d+\/metrics$/,
    );
    const beats = () => receiver.received().filter(([first]) => first === 'WATCHDOG=1').length;
    const before = beats();
    await eventually('it lives', () => beats() >= before + 3);
    floatie.process.kill('SIGSTOP');
    const stopped = beats();
    floatie.process.kill('SIGCONT');
    await eventually('it lives again', () => beats() > stopped);
    await floatie.stop();
    assert.deepEqual(receiver.received().at(-1), ['STOPPING=1', 'STATUS=Stopping']);
  });

  test('answers on the socket that it is handed, not on host and port', async () => {
    // As systemd does: it listens, and the service inherits the descriptor.
    const listening = createServer().listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const { port } = listening.address() as { port: number };
    const { fd } = (listening as unknown as { _handle: { fd: number } })._handle;
    // The shell's own id becomes Floatie's.
    const script = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=floatie.socket exec "$@"';
    const args = [MAIN, '--set', 'exporters.prometheus.port=1', '--set', 'service.telemetry.log_format=json'];
    const child = spawn('sh', ['-c', script, 'sh', process.execPath, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
    });
    listening.close();
    const exited = once(child, 'exit');
    try {
      let said = '';
      child.stderr?.on('data', (chunk) => {
        said += chunk;
      });
      await eventually('it measures', () => said.includes('Floatie is measuring'));
      assert.match(
        said,
        /"message":"Listening on a socket of systemd .*"exporter":"prometheus","socket":"floatie.socket"/,
      );
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      assert.match(await response.text(), /^floatie_build_info\{/m);
    } finally {
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
    }
  });

  test('says which socket it cannot use', async () => {
    const env = { LISTEN_FDS: '1', LISTEN_FDNAMES: 'odd' };
    const script = 'LISTEN_PID=$$ exec "$@" 3</dev/null';
    const child = spawn('sh', ['-c', script, 'sh', process.execPath, MAIN], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.match(said, /floatie: Cannot listen on the socket "odd" that systemd hands over as descriptor 3: EINVAL/);
  });
});
