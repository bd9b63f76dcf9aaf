import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { load } from '../../src/config/load.ts';
import { durationMs, durationText, sizeBytes, spellings } from '../../src/config/spellings.ts';

suite('a duration', () => {
  const rows: [text: unknown, ms: number | null][] = [
    ['500ms', 500],
    ['30s', 30_000],
    ['0.1s', 100],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['', null],
    ['30', null],
    ['30 s', null],
    ['-1s', null],
    ['1e3s', null],
    ['1µs', null],
    [30, null],
    [null, null],
  ];
  for (const [text, ms] of rows) test(`${JSON.stringify(text)} is ${ms} ms`, () => assert.equal(durationMs(text), ms));

  for (const ms of [1, 999, 1000, 60_000, 90_000, 3_600_000, 86_400_000]) {
    test(`of ${ms} ms is read as it is shown`, () => assert.equal(durationMs(durationText(ms)), ms));
  }
});

suite('a size', () => {
  const rows: [text: unknown, bytes: number | null][] = [
    ['4096B', 4096],
    ['256KiB', 262_144],
    ['1 MiB', 1_048_576],
    ['0.5GiB', 536_870_912],
    ['64MB', 64_000_000],
    ['1kB', 1000],
    ['1kiB', null],
    ['64M', null],
    ['64', null],
    [64, null],
  ];
  for (const [text, bytes] of rows)
    test(`${JSON.stringify(text)} is ${bytes} bytes`, () => assert.equal(sizeBytes(text), bytes));
});

suite('another way to write a setting', () => {
  const odd = [
    null,
    undefined,
    Number.NaN,
    [],
    ['30s'],
    {},
    Object.create(null),
    { toString: 1 },
    Symbol('x'),
    '\ud800',
  ];

  for (const [key, { read }] of spellings) {
    test(`takes no odd value: ${key}`, () => {
      for (const value of odd) assert.match(String(read(value)), /^must be /);
    });
  }

  test('counts over one of a source below it, whichever of them that has', () => {
    const env = { FLOATIE_EXPORTERS_OTLP_INTERVAL_MS: '1000', FLOATIE_EXPORTERS_PROMETHEUS_ENDPOINT: ':1' };
    const set = ['exporters.otlp.interval=2s', 'exporters.prometheus.port=2'];
    const { exporters } = load({ env, set }).config;
    assert.deepEqual(
      [exporters.otlp.interval_ms, exporters.prometheus.host, exporters.prometheus.port],
      [2000, '0.0.0.0', 2],
    );
  });

  test('is a variable, too, and is not shown where it is wrong', () => {
    const env = { FLOATIE_EXPORTERS_OTLP_INTERVAL: 'hunter2' };
    assert.throws(() => load({ env }), {
      message:
        'exporters.otlp.interval: must be a duration from 100ms to 1h, such as 1m (from FLOATIE_EXPORTERS_OTLP_INTERVAL)',
    });
  });
});
