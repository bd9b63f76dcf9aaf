import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createLogger, type Logger } from '../../src/program/log.ts';
import { assignSockets, Notifier, takeHandover } from '../../src/service/systemd.ts';
import { receiveDatagrams } from '../support/datagrams.ts';
import { eventually } from '../support/eventually.ts';

const PID = 4711;

function logged(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: createLogger('info', 'text', (line) => lines.push(line)), lines };
}

suite('what systemd hands over', () => {
  test('is nothing without its variables', () => {
    assert.deepEqual(takeHandover({ PATH: '/bin' }, PID), { notifySocket: null, watchdogMs: null, sockets: [] });
  });

  test('is where to tell, how often, and sockets with their names', () => {
    const env = {
      NOTIFY_SOCKET: '/run/systemd/notify',
      WATCHDOG_USEC: '30000000',
      WATCHDOG_PID: String(PID),
      LISTEN_FDS: '2',
      LISTEN_PID: String(PID),
      LISTEN_FDNAMES: 'prometheus:floatie.socket',
    };
    assert.deepEqual(takeHandover(env, PID), {
      notifySocket: '/run/systemd/notify',
      watchdogMs: 30_000,
      sockets: [
        { fd: 3, name: 'prometheus' },
        { fd: 4, name: 'floatie.socket' },
      ],
    });
  });

  test('is no watchdog and no sockets where they are meant for another process', () => {
    const env = { WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1', LISTEN_FDS: '1', LISTEN_PID: '1' };
    assert.deepEqual(takeHandover(env, PID), { notifySocket: null, watchdogMs: null, sockets: [] });
  });

  test('is a watchdog also where no process is named', () => {
    assert.equal(takeHandover({ WATCHDOG_USEC: '500000' }, PID).watchdogMs, 500);
  });

  test('is sockets without names, where there are none', () => {
    assert.deepEqual(takeHandover({ LISTEN_FDS: '1', LISTEN_PID: String(PID) }, PID).sockets, [{ fd: 3, name: '' }]);
  });

  for (const value of ['', 'many', '-1', '0', 'NaN', 'Infinity', '1e9', '0.5']) {
    test(`is nothing where the numbers are "${value}"`, () => {
      const env = { WATCHDOG_USEC: value, LISTEN_FDS: value, LISTEN_PID: String(PID) };
      assert.deepEqual(takeHandover(env, PID), { notifySocket: null, watchdogMs: null, sockets: [] });
    });
  }

  test('is taken out of the environment, whomever it was meant for', () => {
    const env = {
      ...{ NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '1', WATCHDOG_PID: '1' },
      ...{ LISTEN_FDS: '1', LISTEN_PID: '1', LISTEN_FDNAMES: 'a', PATH: '/bin' },
    };
    takeHandover(env, PID);
    assert.deepEqual(env, { PATH: '/bin' });
  });
});

suite('a socket of systemd', () => {
  const sockets = (...names: string[]) => names.map((name, at) => ({ fd: 3 + at, name }));
  for (const [goes, exporters, given, expected] of [
    ['to the only endpoint, whatever its name', ['prometheus'], sockets('floatie.socket'), [3]],
    ['to the endpoint of its name', ['prometheus', 'prometheus/lan'], sockets('prometheus/lan', 'prometheus'), [4, 3]],
    [
      'to the next endpoint without one of its name',
      ['prometheus', 'prometheus/lan'],
      sockets('x', 'prometheus'),
      [4, 3],
    ],
    ['to the first of two endpoints', ['prometheus', 'prometheus/lan'], sockets('x'), [3, undefined]],
    ['to nobody where nobody wants it', [], sockets('x'), []],
    ['to the first where there are two for one', ['prometheus'], sockets('x', 'y'), [3]],
  ] as const) {
    test(`goes ${goes}`, () => {
      const assigned = assignSockets(exporters, given);
      assert.deepEqual(
        exporters.map((name) => assigned.get(name)?.fd),
        expected,
      );
    });
  }
});

suite('systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-notify-'));
  test.after(() => rmSync(folder, { recursive: true }));

  for (const [kind, notifySocket] of [
    ['at a path', join(folder, 'notify')],
    ['at a name that is in no filesystem', `@floatie-test-${process.pid}`],
  ] as const) {
    test(`${kind} is told when Floatie is ready, reloads, is ready again and stops`, () => {
      using receiver = receiveDatagrams(notifySocket);
      const notifier = new Notifier({ notifySocket, watchdogMs: null }, logged().log);
      notifier.ready(() => 'overlayfs by fentry; 42 series');
      const before = process.hrtime.bigint() / 1000n;
      notifier.reloading();
      notifier.ready(() => 'overlayfs by fentry; 43 series');
      notifier.stopping();
      notifier.close();
      const [ready, [reloading, clock = ''] = [], again, stopping] = receiver.received();
      assert.deepEqual(ready, ['READY=1', 'STATUS=overlayfs by fentry; 42 series']);
      assert.equal(reloading, 'RELOADING=1');
      const [, us = ''] = /^MONOTONIC_USEC=(\d+)$/.exec(clock) ?? [];
      assert.ok(BigInt(us) >= before && BigInt(us) <= process.hrtime.bigint() / 1000n, clock);
      assert.deepEqual(again, ['READY=1', 'STATUS=overlayfs by fentry; 43 series']);
      assert.deepEqual(stopping, ['STOPPING=1', 'STATUS=Stopping']);
    });
  }

  test('hears at half of the time that it watches', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const notifySocket = join(folder, 'watchdog');
    using receiver = receiveDatagrams(notifySocket);
    const notifier = new Notifier({ notifySocket, watchdogMs: 2000 }, logged().log);
    context.mock.timers.tick(999);
    assert.deepEqual(receiver.received(), []);
    context.mock.timers.tick(2001);
    notifier.close();
    context.mock.timers.tick(10_000);
    assert.deepEqual(receiver.received(), [['WATCHDOG=1'], ['WATCHDOG=1'], ['WATCHDOG=1']]);
  });

  test('is told the status again when it has changed', (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const notifySocket = join(folder, 'status');
    using receiver = receiveDatagrams(notifySocket);
    const notifier = new Notifier({ notifySocket, watchdogMs: null }, logged().log);
    let series = 1;
    notifier.ready(() => `${series} series`);
    context.mock.timers.tick(10_000);
    series = 2;
    context.mock.timers.tick(20_000);
    notifier.close();
    assert.deepEqual(receiver.received().slice(1), [['STATUS=2 series']]);
  });

  test('that is not there is said once, and costs nothing more', () => {
    const { log, lines } = logged();
    const notifier = new Notifier({ notifySocket: join(folder, 'nobody'), watchdogMs: 1000 }, log);
    notifier.ready(() => 'fine');
    notifier.stopping();
    assert.match(lines.join(''), /^\S+ warn {2}Cannot notify systemd: Cannot send to .*nobody: ENOENT\n$/);
  });

  for (const notifySocket of ['relative/path', '', '@', `/${'long'.repeat(30)}`, 'vsock:2:1234']) {
    test(`is not told at "${notifySocket}", which is no address`, () => {
      const { log, lines } = logged();
      new Notifier({ notifySocket, watchdogMs: 1000 }, log).ready(() => 'fine');
      assert.match(lines.join(''), /it is no address of a Unix socket\n$/);
    });
  }

  test('may be slow to listen: nothing waits for it', async () => {
    const notifySocket = join(folder, 'slow');
    using receiver = receiveDatagrams(notifySocket);
    const { log, lines } = logged();
    const notifier = new Notifier({ notifySocket, watchdogMs: null }, log);
    const started = performance.now();
    for (let at = 0; at < 2000; at++) notifier.ready(() => String(at));
    assert.ok(performance.now() - started < 5000);
    await eventually('what had room has come', () => receiver.received().length > 0);
    notifier.stopping();
    notifier.close();
    assert.deepEqual(receiver.received().at(-1), ['STOPPING=1', 'STATUS=Stopping']);
    assert.deepEqual(lines, []);
  });
});
