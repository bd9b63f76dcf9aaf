import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DataPointType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { selfMetrics } from '../../src/metrics/catalogue.ts';
import { instrumentsOf, type Observer } from '../../src/metrics/observer.ts';
import { maxFds } from '../../src/program/descriptors.ts';
import { Health } from '../../src/program/health.ts';
import { Jobs } from '../../src/program/jobs.ts';
import { createLogger } from '../../src/program/log.ts';
import { observeOverlayfs } from '../../src/receivers/overlayfs/start.ts';
import type { KernelCosts, KernelCostsReader } from '../../src/service/kernel-costs.ts';
import { observeEventLoop, observeKernelCosts, observeProcess, observeSelf } from '../../src/service/self-metrics.ts';
import { named, valuesOf } from '../metrics/counts.ts';
import { eventually } from '../support/eventually.ts';
import { missing } from '../support/requirements.ts';

class TestReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

async function collectAfter(setUp: (observe: Observer) => void) {
  const reader = new TestReader();
  setUp(instrumentsOf(new MeterProvider({ readers: [reader] }).getMeter('test')));
  const { resourceMetrics, errors } = await reader.collect();
  return { metrics: resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics), errors };
}

suite('an observed instrument', () => {
  test('has the value that is true when somebody collects', async () => {
    let value = 1;
    const reader = new TestReader();
    const observe = instrumentsOf(new MeterProvider({ readers: [reader] }).getMeter('test'));
    observe(selfMetrics.mapEntries, (report) => report(value));
    value = 2;
    const { resourceMetrics } = await reader.collect();
    assert.equal(resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.value, 2);
  });

  test('of a counter is a monotonic sum', async () => {
    const { metrics } = await collectAfter((observe) => observe(selfMetrics.seriesOverflow, (report) => report(1)));
    const [data] = metrics;
    assert.ok(data?.dataPointType === DataPointType.SUM && data.isMonotonic);
  });

  test('of a gauge is a gauge', async () => {
    const { metrics } = await collectAfter((observe) => observe(selfMetrics.mapEntries, (report) => report(1)));
    assert.equal(metrics[0]?.dataPointType, DataPointType.GAUGE);
  });

  test('that cannot be read has no value, and never a zero', async () => {
    const { metrics } = await collectAfter((observe) => {
      observe(selfMetrics.openFds, () => {
        throw new Error('no /proc');
      });
    });
    assert.ok(metrics.every(({ dataPoints }) => dataPoints.length === 0));
  });
});

suite('the process metrics', () => {
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_open_fds',
    'process_max_fds',
    'process_start_time_seconds',
  ]) {
    test(`show ${name} above zero`, async () => {
      const { metrics } = await collectAfter(observeProcess);
      assert.ok((valuesOf(named(metrics, name))[''] ?? 0) > 0);
    });
  }
});

suite("Floatie's own metrics", { skip: missing('libbpf') }, () => {
  async function collectSelf(prepare: (health: Health) => void = () => undefined, threads: number | null = 5) {
    const health = new Health(createLogger('error', 'text', () => undefined));
    prepare(health);
    const receiver = {
      misses: () => ({ storage: 1, clock: 0 }),
      overflowed: () => 7,
      usedEntries: () => 3,
      threads: () => threads,
    } as unknown as Parameters<typeof observeOverlayfs>[1];
    const { metrics } = await collectAfter((observe) => {
      observeSelf(observe, health);
      observeOverlayfs(observe, receiver);
    });
    return metrics;
  }

  test('say what is running', async () => {
    const [point] = named(await collectSelf(), 'floatie_build_info').dataPoints;
    assert.deepEqual(Object.keys(point?.attributes ?? {}), [
      'version',
      'node_version',
      'libbpf_version',
      'kernel_release',
    ]);
  });

  test('say which probe is attached, and how', async () => {
    const metrics = await collectSelf((health) => health.attached('overlayfs', 'syscall'));
    assert.deepEqual(valuesOf(named(metrics, 'floatie_probe_attached')), { 'method=syscall,probe=overlayfs': 1 });
  });

  test('count what was missed by its reason, zeros too', async () => {
    assert.deepEqual(valuesOf(named(await collectSelf(), 'floatie_probe_misses_total')), {
      'probe=overlayfs,reason=storage': 1,
      'probe=overlayfs,reason=clock': 0,
    });
  });

  test('count what found no entry of the map', async () => {
    assert.deepEqual(valuesOf(named(await collectSelf(), 'floatie_series_overflow_total')), { 'probe=overlayfs': 7 });
  });

  test('say how many entries of the map are taken', async () => {
    assert.deepEqual(valuesOf(named(await collectSelf(), 'floatie_map_entries')), { 'probe=overlayfs': 3 });
  });

  test('say how many threads are followed, and nothing where that is not known', async () => {
    const tracked = async (threads: number | null) =>
      (await collectSelf(undefined, threads))
        .filter(({ descriptor }) => descriptor.name === 'floatie_threads_tracked')
        .map((data) => valuesOf(data));
    assert.deepEqual(await tracked(5), [{ 'probe=overlayfs': 5 }]);
    assert.deepEqual(await tracked(0), [{ 'probe=overlayfs': 0 }]);
    assert.deepEqual(await tracked(null), []);
  });

  test('count the collections that failed', async () => {
    const metrics = await collectSelf((health) => health.collectFailed(new Error('x')));
    assert.deepEqual(valuesOf(named(metrics, 'floatie_collect_errors_total')), { '': 1 });
  });

  test('have only attributes the catalogue tells of', async () => {
    const metrics = await collectSelf((health) => health.attached('overlayfs', 'syscall'));
    const told = Object.values(selfMetrics).map(({ name, attributes }): [string, Set<string>] => [
      name,
      new Set(attributes.map((attribute) => attribute.name)),
    ]);
    const known = new Map(told);
    const untold = metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.flatMap(({ attributes }) =>
        Object.keys(attributes).filter((name) => !known.get(descriptor.name)?.has(name)),
      ),
    );
    assert.deepEqual(untold, []);
  });
});

suite('the limit of descriptors', () => {
  test('is the soft one', () => {
    assert.equal(
      maxFds('Max processes  1 2 p\nMax open files            1024                 4096                 files\n'),
      1024,
    );
  });
  test('is absent where there is none', () => {
    assert.equal(maxFds('Max open files            unlimited            unlimited            files\n'), null);
  });
});

suite('the delay of the event loop', () => {
  test('is as long as something held it up', async () => {
    const reader = new TestReader();
    const observe = instrumentsOf(new MeterProvider({ readers: [reader] }).getMeter('test'));
    const health = new Health(createLogger('error', 'text', () => undefined));
    observeEventLoop(observe, health);
    let runs = 0;
    const end = new Jobs(health).every(100, 'hold it up', () => {
      if (runs++ > 0) return;
      const until = performance.now() + 300;
      while (performance.now() < until);
    });
    setTimeout(() => {
      const until = performance.now() + 300;
      while (performance.now() < until);
    }, 50);
    await eventually('jobs ran', () => runs >= 3);
    const { resourceMetrics } = await reader.collect();
    end();
    const values = valuesOf(
      named(
        resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics),
        'floatie_event_loop_delay_seconds',
      ),
    );
    const longest = values['statistic=max'] ?? 0;
    assert.ok(longest >= 0.2 && longest < 5, String(longest));
  });
});

suite('what the kernel spends', () => {
  const collected = async (costs: KernelCosts) =>
    (await collectAfter((observe) => observeKernelCosts(observe, { read: () => costs } as KernelCostsReader))).metrics;

  test('is the memory of maps, and runs of programs in seconds', async () => {
    const metrics = await collected({ mapBytes: 4096, programs: { runs: 3, runTimeNs: 1_500_000_000 } });
    assert.deepEqual(
      metrics.map((metric) => [metric.descriptor.name, valuesOf(metric)]),
      [
        ['floatie_bpf_map_memory_bytes', { '': 4096 }],
        ['floatie_bpf_program_runs_total', { '': 3 }],
        ['floatie_bpf_program_seconds_total', { '': 1.5 }],
      ],
    );
  });

  test('has no runs while the kernel counts none', async () => {
    const metrics = await collected({ mapBytes: 0, programs: null });
    assert.deepEqual(
      metrics.filter(({ dataPoints }) => dataPoints.length > 0).map(({ descriptor }) => descriptor.name),
      ['floatie_bpf_map_memory_bytes'],
    );
  });
});
