import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kernelBoundsNs, wantedBounds } from '../../src/config/bounds.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { exponentialBoundsNs } from '../../src/metrics/exponential.ts';

const BASE = 'receivers.overlayfs.bounds_us=[1,4]';
const ENDPOINT = 'exporters.otlp.endpoint=http://127.0.0.1:4317';
const EXPONENTIAL = 'exporters.otlp.default_histogram_aggregation=base2_exponential_bucket_histogram';
const USED = 'service.pipelines.metrics.exporters=[otlp]';
const TOO_MANY = /^ConfigError: views: they, .* ask for [56]\d\d different bounds; the kernel counts on 512 at most/;

const NATIVE = 'exporters.prometheus.native_histograms';

/** Without native histograms, where it is not said. */
function load(...set: string[]) {
  return loadConfig({ env: {}, set: [BASE, `${NATIVE}=off`, ...set] });
}

function view(boundaries: readonly number[], name?: string) {
  return {
    selector: { instrument_name: 'floatie_overlayfs_read_latency_us' },
    stream: { ...(name !== undefined && { name }), aggregation: { explicit_bucket_histogram: { boundaries } } },
  };
}

function viewsOf(...views: readonly unknown[]): string {
  return `views=${JSON.stringify(views)}`;
}

function boundsOf(config: Config): number[] {
  return kernelBoundsNs(config, 'overlayfs');
}

suite('the bounds that the kernel counts on', () => {
  test('are those of the receiver where nothing else is asked for', () => {
    assert.deepEqual(boundsOf(load()), [1000, 4000]);
  });

  test('have those of every view among them, each once and in order', () => {
    assert.deepEqual(boundsOf(load(viewsOf(view([0.5, 4])))), [500, 1000, 4000]);
  });

  test('have those of exponential histograms of an exporter in the pipeline', () => {
    const bounds = new Set(boundsOf(load(ENDPOINT, EXPONENTIAL, USED, 'exporters.otlp.exponential.max_scale=2')));
    assert.deepEqual(
      [1000, 4000, ...exponentialBoundsNs(2)].filter((bound) => !bounds.has(bound)),
      [],
    );
  });

  test('have none of an exporter that is in no pipeline', () => {
    const unused = 'service.pipelines.metrics.exporters=[prometheus]';
    assert.deepEqual(boundsOf(load(ENDPOINT, EXPONENTIAL, unused)), [1000, 4000]);
  });

  for (const value of ['auto', 'with_classic']) {
    test(`have those of native histograms, eight for each doubling of the time, where they are "${value}"`, () => {
      const bounds = boundsOf(load(`${NATIVE}=${value}`));
      assert.deepEqual(bounds, exponentialBoundsNs(3));
      assert.ok(bounds.length <= 280);
    });
  }

  test('have none for native histograms of a Prometheus exporter that is in no pipeline', () => {
    assert.deepEqual(boundsOf(load(ENDPOINT, USED, `${NATIVE}=auto`)), [1000, 4000]);
  });

  test('have those of native histograms if one of two Prometheus exporters wants them', () => {
    const both = 'service.pipelines.metrics.exporters=[prometheus, prometheus/b]';
    const bounds = boundsOf(load(both, 'exporters.prometheus/b.port=9091'));
    assert.deepEqual(bounds, exponentialBoundsNs(3));
  });

  test('are the same for native histograms and exponential ones of OTLP', () => {
    const all = 'service.pipelines.metrics.exporters=[prometheus, otlp]';
    assert.deepEqual(boundsOf(load(ENDPOINT, EXPONENTIAL, all, `${NATIVE}=auto`)), exponentialBoundsNs(3));
  });

  test('are none for a receiver without histograms', () => {
    assert.deepEqual(kernelBoundsNs(load(), 'oom'), []);
  });

  test('are told by the key that asks for them', () => {
    const config = load(viewsOf(view([2])), ENDPOINT, EXPONENTIAL, USED);
    const keys = wantedBounds(config, 'overlayfs').map(({ key }) => key.join('.'));
    assert.deepEqual(keys, ['receivers.overlayfs.bounds_us', 'views', 'exporters.otlp.default_histogram_aggregation']);
  });

  test('are refused where views ask for more than the kernel programs hold', () => {
    const bounds = Array.from({ length: 600 }, (_, index) => 10 + index);
    const views = [0, 200, 400].map((from) => view(bounds.slice(from, from + 200), `part_${from}`));
    assert.throws(() => load(viewsOf(...views)), TOO_MANY);
  });

  test('are refused where views and native histograms together ask for more, with what helps', () => {
    const bounds = Array.from({ length: 300 }, (_, index) => 10_001 + index);
    const views = [0, 150].map((from) => view(bounds.slice(from, from + 150), `part_${from}`));
    assert.doesNotThrow(() => load(viewsOf(...views)));
    assert.throws(
      () => load(viewsOf(...views), `${NATIVE}=auto`),
      /ask for 557 different bounds; .* 512 at most; exporters\.prometheus\.native_histograms: off saves 255 \(from/,
    );
  });

  test('are refused where views and exponential histograms together ask for more', () => {
    const bounds = Array.from({ length: 400 }, (_, index) => 10 + index);
    const views = [0, 200].map((from) => view(bounds.slice(from, from + 200), `part_${from}`));
    assert.throws(() => load(viewsOf(...views), ENDPOINT, EXPONENTIAL, USED), TOO_MANY);
  });
});
