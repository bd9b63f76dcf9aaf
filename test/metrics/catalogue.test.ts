import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { allMetrics } from '../../src/receivers/index.ts';

const names = allMetrics.map(({ name }) => name);

suite('the catalogue', () => {
  test('names every metric differently', () => assert.equal(new Set(names).size, names.length));

  for (const name of [
    'floatie_overlayfs_read_latency_us',
    'floatie_overlayfs_write_latency_us',
    'floatie_build_info',
    'floatie_probe_attached',
    'floatie_probe_misses_total',
    'floatie_series_overflow_total',
    'floatie_map_entries',
  ]) {
    test(`has ${name}, which dashboards rely on`, () => assert.ok(names.includes(name)));
  }

  for (const metric of allMetrics) {
    suite(metric.name, () => {
      test('is a name that Prometheus takes and its exporter leaves as it is', () => {
        assert.match(metric.name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      });

      test('ends in _total exactly when it is a counter, as Prometheus will show it', () => {
        assert.equal(metric.name.endsWith('_total'), metric.kind === 'counter');
      });

      test('is described in one sentence without a full stop', () => assert.match(metric.description, /^\S.*[^.\s]$/));

      test('has attributes that differ in Prometheus, where dots become underscores', () => {
        const shown = metric.attributes.map(({ name }) => name.replaceAll('.', '_'));
        assert.equal(new Set(shown).size, shown.length);
      });

      test('says what each attribute means', () => {
        assert.ok(metric.attributes.every(({ name, meaning }) => /^[a-z][a-z0-9_.]*$/.test(name) && meaning !== ''));
      });
    });
  }
});
