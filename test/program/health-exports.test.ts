import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Health } from '../../src/program/health.ts';
import { createLogger } from '../../src/program/log.ts';
import { holdClocks } from '../support/clocks.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly failures?: number;
}

function healthWithLog(): { health: Health; lines: Line[] } {
  const lines: Line[] = [];
  return { health: new Health(createLogger('info', 'json', (line) => lines.push(JSON.parse(line)))), lines };
}

const DOWN = new Error('14 UNAVAILABLE: No connection established');

suite('exports', () => {
  test('are none before the first', () => assert.deepEqual([...healthWithLog().health.exports()], []));

  test('are counted by how they ended', () => {
    const { health } = healthWithLog();
    for (const error of [null, DOWN, null, DOWN, DOWN]) health.exported('otlp', error);
    assert.deepEqual(health.exports().get('otlp'), { success: 2, partial: 0, failure: 3 });
  });

  test('are counted by exporter', () => {
    const { health } = healthWithLog();
    health.exported('otlp', null);
    health.exported('other', DOWN);
    assert.deepEqual(
      [...health.exports()],
      [
        ['otlp', { success: 1, partial: 0, failure: 0 }],
        ['other', { success: 0, partial: 0, failure: 1 }],
      ],
    );
  });

  test('of which the endpoint rejects a part are counted apart, with how much, and told in its words', (context) => {
    const { nowMs } = holdClocks(context);
    const { health, lines } = healthWithLog();
    for (const rejected of [3, 2]) health.exported('otlp', null, { sent: 10, rejected, message: 'too old' });
    assert.deepEqual(health.exports().get('otlp'), { success: 0, partial: 2, failure: 0 });
    assert.deepEqual([...health.rejected()], [['otlp', 5]]);
    assert.equal(health.lastSuccess().get('otlp')?.seconds, nowMs / 1000);
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [['warn', 'The endpoint of otlp rejects data: too old']],
    );
  });

  test('of which the endpoint rejects everything are no success', () => {
    const { health } = healthWithLog();
    health.exported('otlp', null, { sent: 10, rejected: 10, message: '' });
    assert.deepEqual([health.exports().get('otlp')?.partial, health.lastSuccess().size], [1, 0]);
  });

  test('that the endpoint takes with a warning are a success, and the warning is told', () => {
    const { health, lines } = healthWithLog();
    health.exported('otlp', null, { sent: 10, rejected: 0, message: 'soon to be refused' });
    assert.deepEqual(health.exports().get('otlp'), { success: 1, partial: 0, failure: 0 });
    assert.equal(lines[0]?.message, 'The endpoint of otlp has a warning: soon to be refused');
  });

  test('leave the time of the last that went well', (context) => {
    const clocks = holdClocks(context);
    const { health } = healthWithLog();
    health.exported('otlp', DOWN);
    assert.equal(health.lastSuccess().size, 0);
    health.exported('otlp', null);
    const atMs = clocks.nowMs;
    clocks.pass(10_000);
    health.exported('otlp', DOWN);
    assert.deepEqual(
      Array.from(health.lastSuccess(), ([name, { seconds }]) => [name, seconds]),
      [['otlp', atMs / 1000]],
    );
  });

  test('that go well are not in the log', () => {
    const { health, lines } = healthWithLog();
    health.exported('otlp', null);
    health.exported('otlp', null);
    assert.deepEqual(lines, []);
  });

  test('do not decide whether Floatie is ready', () => {
    const { health } = healthWithLog();
    health.attached('overlayfs', 'syscall');
    health.exported('otlp', DOWN);
    assert.equal(health.readiness().ready, true);
  });

  test('that fail are no failed collections', () => {
    const { health } = healthWithLog();
    health.exported('otlp', DOWN);
    assert.equal(health.collectErrors, 0);
  });
});

suite('exports that fail', () => {
  test('are in the log with exporter, reason and how many there are', () => {
    const { health, lines } = healthWithLog();
    health.exported('otlp', DOWN);
    const [{ level, message, failures } = {}] = lines as Partial<Line>[];
    assert.deepEqual([level, message, failures], ['error', `Cannot export by otlp: ${DOWN.message}`, 1]);
  });

  test('are one line a minute, and all are counted', (context) => {
    const clocks = holdClocks(context);
    const { health, lines } = healthWithLog();
    for (let second = 0; second < 180; second++) {
      health.exported('otlp', DOWN);
      clocks.pass(1000);
    }
    assert.deepEqual(
      [lines.map(({ failures }) => failures), health.exports().get('otlp')?.failure],
      [[1, 61, 121], 180],
    );
  });

  test('are told each by themselves: another exporter, a collection', () => {
    const { health, lines } = healthWithLog();
    health.exported('otlp', DOWN);
    health.exported('other', DOWN);
    health.collectFailed(new Error('the map is closed'));
    assert.equal(lines.length, 3);
  });
});

suite('an export that goes well again', () => {
  test('is told once', () => {
    const { health, lines } = healthWithLog();
    for (const error of [DOWN, null, null]) health.exported('otlp', error);
    assert.deepEqual(
      lines.slice(1).map(({ level, message }) => [level, message]),
      [['info', 'Exporting by otlp again']],
    );
  });

  test('is told however long it took', (context) => {
    const clocks = holdClocks(context);
    const { health, lines } = healthWithLog();
    health.exported('otlp', DOWN);
    clocks.pass(3_600_000);
    health.exported('otlp', null);
    assert.equal(lines.at(-1)?.message, 'Exporting by otlp again');
  });

  test('is not told of another exporter', () => {
    const { health, lines } = healthWithLog();
    health.exported('otlp', DOWN);
    health.exported('other', null);
    assert.equal(lines.length, 1);
  });

  test('lets the next failure be told at once', () => {
    const { health, lines } = healthWithLog();
    for (const error of [DOWN, null, DOWN]) health.exported('otlp', error);
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['error', 'info', 'error'],
    );
  });
});
