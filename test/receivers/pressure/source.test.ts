import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { viewOptions } from '../../../src/config/view-options.ts';
import { cgroupFilter } from '../../../src/containers/filter.ts';
import { Inventory } from '../../../src/containers/inventory.ts';
import type { PressureReason } from '../../../src/kernel/psi.ts';
import type { Metric } from '../../../src/metrics/catalogue.ts';
import { createProducer } from '../../../src/metrics/producer.ts';
import { MetricRegistry, type Sample } from '../../../src/metrics/registry.ts';
import { metrics } from '../../../src/receivers/pressure/metrics.ts';
import { PressureSource, type PressureSourceOptions } from '../../../src/receivers/pressure/source.ts';
import { collect, labels, named, valuesOf, view } from '../../metrics/counts.ts';
import { samplesIn } from '../../support/samples.ts';

const { score: SCORE, waiting: WAITING, stalled: STALLED } = metrics;
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

let folder: string;
let mount: string;
let host: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'floatie-pressure-'));
  mount = join(folder, 'cgroup');
  host = join(folder, 'memory');
  mkdirSync(mount);
  setPressure(host, 10);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A pressure file whose score is `percent`, whatever the window, after `seconds` of waiting and half of that stalled. */
function setPressure(path: string, percent: number, seconds = 2): void {
  const line = (kind: string, us: number) =>
    `${kind} avg10=${percent.toFixed(2)} avg60=${percent.toFixed(2)} avg300=${percent.toFixed(2)} total=${us}\n`;
  writeFileSync(path, line('some', seconds * 1e6) + line('full', seconds * 5e5));
}

function pathOf(id: string): string {
  return `/libpod-${id}`;
}

function createContainer(id: string, percent: number, seconds?: number): void {
  mkdirSync(join(mount, pathOf(id)));
  setPressure(join(mount, pathOf(id), 'memory.pressure'), percent, seconds);
}

function removeContainer(id: string): void {
  rmSync(join(mount, pathOf(id)), { recursive: true });
}

function sourceOf(options: Partial<PressureSourceOptions> = {}): {
  source: PressureSource;
  told: (PressureReason | null)[];
} {
  const told: (PressureReason | null)[] = [];
  const source = new PressureSource({
    path: host,
    pressure: new Inventory(mount),
    memory: null,
    window: 'avg10',
    onHostState: (problem) => told.push(problem?.reason ?? null),
    ...options,
  });
  source.discover(Number.POSITIVE_INFINITY);
  return { source, told };
}

/** In the metric's unit, as they leave. */
function values(samples: readonly Sample[], metric: Metric = SCORE): Record<string, number> {
  return Object.fromEntries(
    samples
      .filter((sample) => sample.metric === metric)
      .map(({ member }) => [labels(member.attributes), (member.totals[0] ?? Number.NaN) / (metric.perUnit ?? 1)]),
  );
}

function labelled(id: string): string {
  return `cgroup=${pathOf(id)},container.id=${id},scope=container`;
}

test('a container that tells nothing lets other work come in between all the same', () => {
  for (const id of [A, B]) mkdirSync(join(mount, pathOf(id)), { recursive: true });
  const { source } = sourceOf();
  assert.deepEqual(
    [...source.read()].filter((sample) => sample?.member.attributes.scope !== 'host'),
    [null, null],
  );
});

suite('the pressure of the host', () => {
  test('is its score', () => assert.deepEqual(values(samplesIn(sourceOf().source)), { 'scope=host': 10 }));

  test('is the seconds in which some and in which all waited', () => {
    const samples = samplesIn(sourceOf().source);
    assert.deepEqual([values(samples, WAITING), values(samples, STALLED)], [{ 'scope=host': 2 }, { 'scope=host': 1 }]);
  });

  test('is of the window that is asked for', () => {
    writeFileSync(
      host,
      'some avg10=1.00 avg60=2.00 avg300=3.00 total=0\nfull avg10=1.00 avg60=2.00 avg300=3.00 total=0\n',
    );
    assert.deepEqual(
      (['avg10', 'avg60', 'avg300'] as const).map(
        (window) => values(samplesIn(sourceOf({ window }).source))['scope=host'],
      ),
      [1, 2, 3],
    );
  });

  test('comes before that of the containers', () => {
    createContainer(A, 20);
    const [first] = samplesIn(sourceOf().source);
    assert.equal(first?.member.attributes.scope, 'host');
  });

  test('counts since the machine started', () => {
    const [seconds = 0] = samplesIn(sourceOf().source)[0]?.member.startTime ?? [];
    assert.ok(seconds > 0 && seconds <= Date.now() / 1000, `${seconds}`);
  });

  test('is there without a hierarchy of cgroups', () => {
    assert.deepEqual(values(samplesIn(sourceOf({ pressure: null }).source)), { 'scope=host': 10 });
  });
});

suite('the pressure of a container', () => {
  test('is its score and its seconds', () => {
    createContainer(A, 20, 6);
    const samples = samplesIn(sourceOf().source);
    assert.deepEqual(
      [SCORE, WAITING, STALLED].map((metric) => values(samples, metric)[labelled(A)]),
      [20, 6, 3],
    );
  });

  test('is of each by itself', () => {
    createContainer(A, 20);
    createContainer(B, 30);
    assert.deepEqual(values(samplesIn(sourceOf().source)), { 'scope=host': 10, [labelled(A)]: 20, [labelled(B)]: 30 });
  });

  test('is found wherever it is below the mount', () => {
    mkdirSync(join(mount, 'machine.slice'));
    const path = `/machine.slice/libpod-${A}.scope`;
    mkdirSync(join(mount, path));
    setPressure(join(mount, path, 'memory.pressure'), 20);
    assert.equal(values(samplesIn(sourceOf().source))[`cgroup=${path},container.id=${A},scope=container`], 20);
  });

  test('is not counted again for the cgroups inside it', () => {
    createContainer(A, 20);
    mkdirSync(join(mount, pathOf(A), 'container'));
    setPressure(join(mount, pathOf(A), 'container', 'memory.pressure'), 20);
    assert.deepEqual(values(samplesIn(sourceOf().source)), { 'scope=host': 10, [labelled(A)]: 20 });
  });

  test('is not that of a service', () => {
    mkdirSync(join(mount, 'nginx.service'));
    setPressure(join(mount, 'nginx.service', 'memory.pressure'), 20);
    assert.deepEqual(values(samplesIn(sourceOf().source)), { 'scope=host': 10 });
  });

  test('is read anew each time', () => {
    createContainer(A, 20);
    const { source } = sourceOf();
    samplesIn(source);
    setPressure(join(mount, pathOf(A), 'memory.pressure'), 40);
    assert.equal(values(samplesIn(source))[labelled(A)], 40);
  });

  test('is there once somebody has looked for it', () => {
    const { source } = sourceOf();
    createContainer(A, 20);
    const before = values(samplesIn(source));
    source.discover(Number.POSITIVE_INFINITY);
    assert.deepEqual([before, values(samplesIn(source))[labelled(A)]], [{ 'scope=host': 10 }, 20]);
  });

  test('is no sample, and no zero, where there is no file', () => {
    mkdirSync(join(mount, pathOf(A)));
    const { source, told } = sourceOf();
    assert.deepEqual([values(samplesIn(source)), told], [{ 'scope=host': 10 }, []]);
  });

  test('is no sample where the file is garbage', () => {
    createContainer(A, 20);
    writeFileSync(join(mount, pathOf(A), 'memory.pressure'), 'hello\n');
    assert.deepEqual(values(samplesIn(sourceOf().source)), { 'scope=host': 10 });
  });

  test('does not depend on that of the host', () => {
    createContainer(A, 20);
    rmSync(host);
    assert.deepEqual(values(samplesIn(sourceOf().source)), { [labelled(A)]: 20 });
  });
});

suite('a container that is gone', () => {
  test('has no samples any more, even before somebody looks for it', () => {
    createContainer(A, 20);
    const { source } = sourceOf();
    samplesIn(source);
    removeContainer(A);
    assert.deepEqual(values(samplesIn(source)), { 'scope=host': 10 });
  });

  test('ends with what was read of it last', () => {
    createContainer(A, 20, 6);
    const { source } = sourceOf();
    samplesIn(source);
    removeContainer(A);
    samplesIn(source);
    source.discover(Number.POSITIVE_INFINITY);
    const ended = source.retire();
    assert.deepEqual(
      [SCORE, WAITING, STALLED].map((metric) => values(ended, metric)),
      [{ [labelled(A)]: 20 }, { [labelled(A)]: 6 }, { [labelled(A)]: 3 }],
    );
  });

  test('ends once', () => {
    createContainer(A, 20);
    const { source } = sourceOf();
    samplesIn(source);
    removeContainer(A);
    source.discover(Number.POSITIVE_INFINITY);
    source.retire();
    source.discover(Number.POSITIVE_INFINITY);
    assert.deepEqual(source.retire(), []);
  });

  test('does not end those that are still there', () => {
    createContainer(A, 20);
    createContainer(B, 30);
    const { source } = sourceOf();
    samplesIn(source);
    removeContainer(A);
    source.discover(Number.POSITIVE_INFINITY);
    assert.deepEqual(Object.keys(values(source.retire())), [labelled(A)]);
  });

  test('that was never read ends without a word', () => {
    createContainer(A, 20);
    const { source } = sourceOf();
    removeContainer(A);
    source.discover(Number.POSITIVE_INFINITY);
    assert.deepEqual(source.retire(), []);
  });
});

suite('pressure of the host that cannot be read', () => {
  test('is no problem at first', () => assert.equal(sourceOf().source.problem, null));

  const rows: [string, () => void, PressureReason][] = [
    ['missing', () => rmSync(host), 'missing'],
    ['garbage', () => writeFileSync(host, 'hello\n'), 'malformed'],
    ['empty', () => writeFileSync(host, ''), 'malformed'],
  ];
  for (const [name, damage, reason] of rows) {
    test(`is no sample, and a reason, when the file is ${name}`, () => {
      damage();
      const { source } = sourceOf();
      assert.deepEqual([samplesIn(source), source.problem], [[], reason]);
    });
  }

  test('is told once, however often it is read', () => {
    rmSync(host);
    const { source, told } = sourceOf();
    for (let i = 0; i < 3; i++) samplesIn(source);
    assert.deepEqual(told, ['missing']);
  });

  test('is told again when the reason is another one', () => {
    const { source, told } = sourceOf();
    rmSync(host);
    samplesIn(source);
    writeFileSync(host, 'hello\n');
    samplesIn(source);
    samplesIn(source);
    assert.deepEqual([told, source.problem], [['missing', 'malformed'], 'malformed']);
  });

  test('is told to be over, once, and is a sample again', () => {
    const { source, told } = sourceOf();
    rmSync(host);
    samplesIn(source);
    setPressure(host, 30);
    samplesIn(source);
    assert.deepEqual(
      [values(samplesIn(source)), told, source.problem],
      [{ 'scope=host': 30 }, ['missing', null], null],
    );
  });

  test('is not told while all is well', () => {
    const { source, told } = sourceOf();
    samplesIn(source);
    samplesIn(source);
    assert.deepEqual(told, []);
  });
});

suite('pressure under a view', () => {
  function kernelOf(...views: Parameters<typeof viewOptions>[0]): {
    registry: MetricRegistry;
    source: PressureSource;
    shown: (metric: Metric) => Promise<Record<string, number>>;
  } {
    const registry = new MetricRegistry(viewOptions(views));
    const { source } = sourceOf();
    registry.addSource(source);
    const producer = createProducer(registry, { temporality: AggregationTemporality.CUMULATIVE });
    return { registry, source, shown: async (metric) => valuesOf(named(await collect(producer), metric.name)) };
  }

  const all = (metric: Metric) => view(metric, { attribute_keys: { included: [] } });

  test('has no gauge of a container that is gone', async () => {
    createContainer(A, 20);
    const { registry, source, shown } = kernelOf();
    const before = await shown(SCORE);
    removeContainer(A);
    const meanwhile = await shown(SCORE);
    source.discover(Number.POSITIVE_INFINITY);
    registry.end(source.retire());
    assert.deepEqual(
      [before, meanwhile, await shown(SCORE)],
      [{ 'scope=host': 10, [labelled(A)]: 20 }, { 'scope=host': 10 }, { 'scope=host': 10 }],
    );
  });

  test('has no counter of a container that has ended', async () => {
    createContainer(A, 20);
    const { registry, source, shown } = kernelOf();
    await shown(WAITING);
    removeContainer(A);
    source.discover(Number.POSITIVE_INFINITY);
    registry.end(source.retire());
    assert.deepEqual(await shown(WAITING), { 'scope=host': 2 });
  });

  test('has no gauge of a host that cannot be read', async () => {
    const { shown } = kernelOf();
    await shown(SCORE);
    rmSync(host);
    assert.deepEqual(await shown(SCORE), {});
  });

  test('without attributes shows the score of the host', async () => {
    createContainer(A, 20);
    createContainer(B, 30);
    assert.deepEqual(await kernelOf(all(SCORE)).shown(SCORE), { '': 10 });
  });

  test('without attributes never goes backwards when a container ends', async () => {
    createContainer(A, 20, 6);
    const { registry, source, shown } = kernelOf(all(WAITING));
    const before = (await shown(WAITING))[''] ?? 0;
    removeContainer(A);
    source.discover(Number.POSITIVE_INFINITY);
    registry.end(source.retire());
    assert.equal((await shown(WAITING))[''], before);
  });

  suite('of a container that was started again, which keeps its id and its path', () => {
    /** In a cgroup with another number, as the kernel gives it. */
    function restart(id: string, seconds: number): void {
      const spare = join(mount, 'spare');
      mkdirSync(spare);
      setPressure(join(spare, 'memory.pressure'), 1, seconds);
      removeContainer(id);
      renameSync(spare, join(mount, pathOf(id)));
    }

    for (const [when, look] of [
      ['between two looks', true],
      ['between two collections', false],
    ] as const) {
      test(`${when}, never goes backwards without attributes`, async () => {
        createContainer(A, 20, 6);
        const { registry, source, shown } = kernelOf(all(WAITING));
        const before = (await shown(WAITING))[''] ?? 0;
        restart(A, 1);
        if (look) {
          source.discover(Number.POSITIVE_INFINITY);
          registry.end(source.retire());
        }
        const after = (await shown(WAITING))[''] ?? 0;
        assert.ok(after >= before, `${after} s after ${before} s`);
      });
    }

    test('begins anew, with a start of its own', async () => {
      createContainer(A, 20, 6);
      const { source } = sourceOf();
      const before = samplesIn(source).findLast(({ metric }) => metric === WAITING)?.member;
      restart(A, 1);
      source.discover(Number.POSITIVE_INFINITY);
      const after = samplesIn(source).findLast(({ metric }) => metric === WAITING)?.member;
      assert.deepEqual([before?.totals[0], after?.totals[0]], [6e6, 1e6]);
      assert.notEqual(after?.key, before?.key);
    });
  });
});

suite('the pressure that containers do not have', () => {
  function problems(options: Partial<PressureSourceOptions>): string[] {
    const told: string[] = [];
    const { source } = sourceOf({ ...options, onContainerProblem: (problem) => told.push(problem.message) });
    samplesIn(source);
    samplesIn(source);
    return told;
  }

  test('is told of once, and why', () => {
    mkdirSync(join(mount, pathOf(A)));
    const [problem, ...others] = problems({});
    assert.match(problem ?? '', /memory\.pressure/);
    assert.deepEqual(others, []);
  });

  test('is told of where only v1 is mounted', () => {
    assert.deepEqual(problems({ pressure: null }), [
      'the v2 hierarchy is not mounted, and v1 knows no pressure of a cgroup',
    ]);
  });

  test('is not told of where the host has none: that was said', () => {
    assert.deepEqual(problems({ pressure: null, path: join(mount, 'missing') }), []);
  });

  test('is nothing to tell of a container that is just gone', () => {
    createContainer(A, 20);
    const inventory = new Inventory(mount);
    inventory.discover();
    removeContainer(A);
    assert.deepEqual(problems({ pressure: inventory }), []);
  });
});

suite('the headroom of a container', () => {
  const HEADROOM = metrics.headroom;

  function limit(path: string, limitBytes: number | 'max', usage = 0, inactive = 0): void {
    mkdirSync(join(mount, path), { recursive: true });
    writeFileSync(join(mount, path, 'memory.max'), `${limitBytes}\n`);
    writeFileSync(join(mount, path, 'memory.current'), `${usage}\n`);
    writeFileSync(join(mount, path, 'memory.stat'), `anon 5\ninactive_file ${inactive}\n`);
  }

  function read(options: Partial<PressureSourceOptions> = {}): Sample[] {
    const inventory = new Inventory(mount);
    const { source } = sourceOf({ memory: { inventory, version: 2 }, ...options });
    return samplesIn(source).filter(({ metric }) => metric === HEADROOM);
  }

  test('is what its limit leaves beside its working set', () => {
    limit(pathOf(A), 1000, 700, 200);
    assert.deepEqual(values(read(), HEADROOM), { [`cgroup=${pathOf(A)},container.id=${A}`]: 500 });
  });

  test('is none where nothing limits it: no sample', () => {
    limit(pathOf(A), 'max', 700, 200);
    assert.deepEqual(read(), []);
  });

  test('comes the smallest first, which is the one that a view without attributes shows', () => {
    limit(pathOf(A), 1000, 100);
    limit(pathOf(B), 1000, 600);
    assert.deepEqual(
      read().map(({ member }) => member.totals[0]),
      [400, 900],
    );
  });

  test('is left out with its cgroup', () => {
    limit(pathOf(A), 1000, 100);
    assert.deepEqual(read({ filter: cgroupFilter({ include: [], exclude: ['/libpod-*'] }) }), []);
  });
});

suite('the major faults of a container', () => {
  const FAULTS = metrics.majorFaults;
  const labelledWithoutScope = (id: string): string => `cgroup=${pathOf(id)},container.id=${id}`;

  function setFaults(id: string, count: number): void {
    mkdirSync(join(mount, pathOf(id)), { recursive: true });
    writeFileSync(join(mount, pathOf(id), 'memory.stat'), `anon 5\npgmajfault ${count}\n`);
  }

  function memorySource(options: Partial<PressureSourceOptions> = {}): PressureSource {
    return sourceOf({ memory: { inventory: new Inventory(mount), version: 2 }, ...options }).source;
  }

  test('are there with a limit and without', () => {
    setFaults(A, 3);
    assert.deepEqual(values(samplesIn(memorySource()), FAULTS), { [labelledWithoutScope(A)]: 3 });
  });

  test('are no sample, and no zero, where no file tells them', () => {
    createContainer(A, 20);
    assert.deepEqual(values(samplesIn(memorySource()), FAULTS), {});
  });

  test('are a sample from the first one on', () => {
    setFaults(A, 0);
    const source = memorySource();
    assert.deepEqual(values(samplesIn(source), FAULTS), {});
    setFaults(A, 1);
    assert.deepEqual(values(samplesIn(source), FAULTS), { [labelledWithoutScope(A)]: 1 });
  });

  test('end once, with what was read last, when the container is gone', () => {
    setFaults(A, 3);
    const source = memorySource();
    samplesIn(source);
    removeContainer(A);
    assert.deepEqual(values(samplesIn(source), FAULTS), {});
    source.discover(Number.POSITIVE_INFINITY);
    const ended = source.retire();
    source.discover(Number.POSITIVE_INFINITY);
    assert.deepEqual([values(ended, FAULTS), source.retire()], [{ [labelledWithoutScope(A)]: 3 }, []]);
  });

  test('end when a new filter leaves the container out', () => {
    setFaults(A, 3);
    const source = memorySource();
    samplesIn(source);
    const left = source.choose(cgroupFilter({ include: [], exclude: [pathOf(A)] }));
    assert.deepEqual([values(left, FAULTS), values(samplesIn(source), FAULTS)], [{ [labelledWithoutScope(A)]: 3 }, {}]);
  });
});

test('containers whose cgroups are left out have no pressure', () => {
  createContainer(A, 20);
  createContainer(B, 20);
  const { source } = sourceOf({ filter: cgroupFilter({ include: [], exclude: [pathOf(A)] }) });
  assert.deepEqual(Object.keys(values(samplesIn(source))), ['scope=host', labelled(B)]);
});

suite('the other counters of a container', () => {
  const owner = { cgroup: pathOf(A), 'container.id': A };

  function file(name: string, text: string): void {
    mkdirSync(join(mount, pathOf(A)), { recursive: true });
    writeFileSync(join(mount, pathOf(A), name), text);
  }

  function read(version: 1 | 2, cpuMount: string | null = null): Sample[] {
    return samplesIn(sourceOf({ memory: { inventory: new Inventory(mount), version, cpuMount } }).source);
  }

  const line = (kind: string, us: number) => `${kind} avg10=0.00 avg60=0.00 avg300=0.00 total=${us}\n`;

  test('are how long it waited for the CPU and for I/O, and what never happened has no series', () => {
    file('cpu.pressure', line('some', 4e6) + line('full', 1e6));
    file('io.pressure', line('some', 3e6) + line('full', 0));
    const samples = read(2);
    const { cpuWaiting, cpuStalled, ioWaiting, ioStalled } = metrics;
    assert.deepEqual(
      [cpuWaiting, cpuStalled, ioWaiting, ioStalled].map((metric) => values(samples, metric)),
      [{ [labelled(A)]: 4 }, { [labelled(A)]: 1 }, { [labelled(A)]: 3 }, {}],
    );
  });

  test('are what the host waited for the CPU and for I/O, which has no line for all tasks before Linux 5.13', () => {
    writeFileSync(join(folder, 'cpu'), line('some', 7e6));
    writeFileSync(join(folder, 'io'), line('some', 5e6) + line('full', 2e6));
    const samples = samplesIn(sourceOf().source);
    const { cpuWaiting, cpuStalled, ioWaiting, ioStalled } = metrics;
    assert.deepEqual(
      [cpuWaiting, cpuStalled, ioWaiting, ioStalled].map((metric) => values(samples, metric)['scope=host']),
      [7, undefined, 5, 2],
    );
  });

  test('are how long the CPU limit held it back, in the µs of v2 and in the ns of v1', () => {
    const throttled = (samples: Sample[]) => values(samples, metrics.throttled)[labels(owner)];
    file('cpu.stat', 'usage_usec 9\nnr_throttled 2\nthrottled_usec 2500000\n');
    assert.equal(throttled(read(2)), 2.5);
    const cpu = join(folder, 'cpu-of-v1');
    mkdirSync(join(cpu, pathOf(A)), { recursive: true });
    writeFileSync(join(cpu, pathOf(A), 'cpu.stat'), 'nr_periods 3\nnr_throttled 2\nthrottled_time 1500000000\n');
    assert.equal(throttled(read(1, cpu)), 1.5);
    assert.equal(throttled(read(1)), undefined);
  });

  test('are how often it met a limit of its memory, with the names of v2 for the files of v1', () => {
    const events = (samples: Sample[]) => values(samples, metrics.events);
    file('memory.events', 'low 0\nhigh 5\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n');
    assert.deepEqual(events(read(2)), {
      [labels({ ...owner, event: 'high' })]: 5,
      [labels({ ...owner, event: 'max' })]: 3,
      [labels({ ...owner, event: 'oom' })]: 2,
      [labels({ ...owner, event: 'oom_kill' })]: 1,
    });
    file('memory.failcnt', '8\n');
    file('memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n');
    assert.deepEqual(events(read(1)), {
      [labels({ ...owner, event: 'max' })]: 8,
      [labels({ ...owner, event: 'oom_kill' })]: 4,
    });
  });

  test('are whether it stands still, where its OOM killer is switched off', () => {
    file('memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n');
    assert.deepEqual(values(read(1), metrics.underOom), {});
    for (const now of [1, 0]) {
      file('memory.oom_control', `oom_kill_disable 1\nunder_oom ${now}\noom_kill 0\n`);
      assert.deepEqual(values(read(1), metrics.underOom), { [labels(owner)]: now });
    }
    assert.deepEqual(values(read(2), metrics.underOom), {});
  });

  test('are the pages of files that it had to read again', () => {
    file('memory.stat', 'inactive_file 1\npgmajfault 0\nworkingset_refault_file 12\n');
    assert.deepEqual(values(read(2), metrics.fileRefaults), { [labels(owner)]: 12 });
  });
});
