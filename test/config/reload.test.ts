import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { keepRunning } from '../../src/config/reload.ts';
import { unionOfBounds } from '../../src/metrics/buckets.ts';
import { exponentialBoundsNs } from '../../src/metrics/exponential.ts';

const COARSE_NS = [1000, 2000, 4000];
const GRID_NS = unionOfBounds([COARSE_NS, exponentialBoundsNs(3)]);
const RUNNING = load('receivers.overlayfs.bounds_us=[1,2,4]');
const VIEW = (bounds: string): string =>
  `views=[{selector: {instrument_name: floatie_overlayfs_read_latency_us}, stream: {aggregation: {explicit_bucket_histogram: {boundaries: ${bounds}}}}}]`;

function load(...set: string[]) {
  return loadConfig({ env: {}, set });
}

function reloaded(...set: string[]) {
  return keepRunning(RUNNING, load('receivers.overlayfs.bounds_us=[1,2,4]', ...set), () => GRID_NS);
}

suite('a reload', () => {
  for (const setting of [
    'views=[{selector: {instrument_name: floatie_oom_kills_total}, stream: {name: kills_total}}]',
    VIEW('[2, 4]'),
    'receivers.overlayfs.bounds_us=[1,4]',
    'receivers.overlayfs.expire_ms=2000',
    'receivers.oom.max_series=7',
    'receivers.oom.retain_ms=60000',
    'receivers.pressure.window=avg60',
    'containers.exclude=[/system.slice/*]',
    'containers.names=true',
    'exporters.prometheus.port=9435',
    'exporters.prometheus.timeout_ms=1000',
    'exporters.otlp.endpoint=http://127.0.0.1:4317',
    'service.pipelines.metrics.exporters=[prometheus,debug]',
    'service.telemetry.log_level=debug',
    'service.telemetry.resource={a: b}',
  ]) {
    test(`uses ${setting.slice(0, 60)}`, () => {
      const wanted = load('receivers.overlayfs.bounds_us=[1,2,4]', setting);
      assert.deepEqual(
        keepRunning(RUNNING, wanted, () => GRID_NS),
        { config: wanted, kept: [] },
      );
    });
  }

  for (const [setting, key = setting.replace(/=.*$/, '')] of [
    ['kernel.max_map_entries=5'],
    ['kernel.pid_ns_inum=self'],
    ['kernel.cgroup=/a'],
    ['receivers.overlayfs.attach=syscall'],
    ['receivers.overlayfs.operations=[read]'],
    ['receivers.oom.ring_bytes=4096'],
    ['service.pipelines.metrics.receivers=[oom]'],
    ['receivers.overlayfs.bounds_us=[1,3]'],
    [VIEW('[3]'), 'views'],
    ['exporters.prometheus.host=0.0.0.0'],
    ['exporters.prometheus.web_config_file=/web.yml'],
  ] as const) {
    test(`keeps ${key}, and says so, where it is told ${setting.slice(0, 60)}`, () => {
      assert.deepEqual(reloaded(setting), { config: RUNNING, kept: [key] });
    });
  }

  test('uses what it can beside what it keeps', () => {
    const { config, kept } = reloaded('kernel.max_map_entries=5', 'service.telemetry.log_level=debug');
    assert.deepEqual([config.kernel, config.service.telemetry.log_level], [RUNNING.kernel, 'debug']);
    assert.deepEqual(kept, ['kernel.max_map_entries']);
  });

  test('takes a host with another port', () => {
    const { config, kept } = reloaded('exporters.prometheus.host=0.0.0.0', 'exporters.prometheus.port=9435');
    assert.deepEqual([config.exporters.prometheus.host, kept], ['0.0.0.0', []]);
  });

  for (const [title, key, settings] of [
    [
      'exponential',
      'exporters.otlp.default_histogram_aggregation',
      [
        'exporters.prometheus.native_histograms=off',
        'exporters.otlp.endpoint=http://127.0.0.1:4317',
        'exporters.otlp.default_histogram_aggregation=base2_exponential_bucket_histogram',
      ],
    ],
    ['native', 'exporters.prometheus.native_histograms', ['exporters.prometheus.native_histograms=with_classic']],
  ] as const) {
    test(`gives no ${title} histograms on bounds that the kernel does not count on`, () => {
      const bounds = 'receivers.overlayfs.bounds_us=[1,2,4]';
      const running = load(bounds, 'exporters.prometheus.native_histograms=off');
      const wanted = load(bounds, ...settings);
      assert.deepEqual(keepRunning(running, wanted, () => COARSE_NS).kept, [key]);
      assert.deepEqual(
        keepRunning(running, wanted, () => GRID_NS),
        { config: wanted, kept: [] },
      );
    });
  }

  test('uses any bounds where the kernel counts nothing that has some', () => {
    assert.deepEqual(keepRunning(RUNNING, load(VIEW('[3]'), 'receivers.overlayfs.bounds_us=[7]'), () => []).kept, []);
  });
});
