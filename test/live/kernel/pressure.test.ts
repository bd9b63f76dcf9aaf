/** The memory pressure that a kernel measures, of the host and of a container. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy, findV1Mount, findV2Mount } from '../../../src/containers/hierarchy.ts';
import { Inventory } from '../../../src/containers/inventory.ts';
import { parsePressure, pressureScore } from '../../../src/kernel/psi.ts';
import type { Metric } from '../../../src/metrics/catalogue.ts';
import { metrics } from '../../../src/receivers/pressure/metrics.ts';
import { PressureSource } from '../../../src/receivers/pressure/source.ts';
import { createCgroup } from '../../support/cgroup.ts';
import { eventually } from '../../support/eventually.ts';
import { fixture } from '../../support/fixtures.ts';
import { folder } from '../../support/peers.ts';
import { missing } from '../../support/requirements.ts';
import { samplesIn } from '../../support/samples.ts';
import { startThrashing } from '../../support/thrash.ts';

const HOST = '/proc/pressure/memory';

suite('memory pressure on this kernel', { skip: missing('root', 'pressure') }, () => {
  test('the scores of host and container rise under a memory hog, and are what the kernel’s files say', async () => {
    await using thrashing = startThrashing();
    const { container } = thrashing;
    const pressure = new Inventory(findV2Mount() ?? '');
    const onHostState = (problem: Error | null): void => assert.fail(problem ?? 'a change');
    const source = new PressureSource({ path: HOST, pressure, memory: null, window: 'avg10', onHostState });
    source.discover(Number.POSITIVE_INFINITY);
    const scoreOf = (attributes: Record<string, string>): number => {
      const sample = samplesIn(source).find(
        ({ metric, member }) =>
          metric === metrics.score &&
          Object.entries(attributes).every(([key, value]) => member.attributes[key] === value),
      );
      return sample?.member.totals[0] ?? Number.NaN;
    };
    for (const [file, attributes] of [
      [HOST, { scope: 'host' }],
      [join(container.path, 'memory.pressure'), { scope: 'container', 'container.id': container.id }],
    ] as const) {
      await eventually(`the score in ${file} has risen`, () => scoreOf(attributes) > 1, 60_000);
      const expected = (): number => {
        const pressure = parsePressure(readFileSync(file, 'utf8'));
        return pressure === null ? Number.NaN : pressureScore(pressure, 'avg10');
      };
      // The kernel takes new averages every two seconds; they may change between two reads.
      await eventually(`the score is the one in ${file}`, () => scoreOf(attributes) === expected());
    }
  });

  test('how often a container met its limit, and read files again, is what the kernel’s files say', async () => {
    const id = randomBytes(32).toString('hex');
    const { version, mount } = findHierarchy();
    await using container = createCgroup('', `libpod-${id}`);
    using data = folder();
    writeFileSync(join(container.path, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), `${16 << 20}`);
    const inventory = new Inventory(mount ?? '');
    const source = new PressureSource({
      path: HOST,
      pressure: null,
      memory: { inventory, version, cpuMount: findV1Mount('cpu') },
      window: 'avg10',
      onHostState: () => {},
    });
    source.discover(Number.POSITIVE_INFINITY);
    // More pages of files than the limit allows, twice; few of them dirty at a time.
    const files = Array.from({ length: 12 }, (_, at) => join(data.path, `data-${at}`));
    const write = 'for file; do dd if=/dev/zero of="$file" bs=1M count=4 conv=fsync; done; cat "$@" "$@" >/dev/null';
    container.run('sh', '-c', write, 'sh', ...files);
    const told = samplesIn(source).filter(({ member }) => member.attributes['container.id'] === id);
    const value = (metric: Metric, event?: string): number | undefined =>
      told.find((sample) => sample.metric === metric && sample.member.attributes.event === event)?.member.totals[0];
    const kernels = (name: string): string => readFileSync(join(container.path, name), 'utf8');
    const max = version === 1 ? kernels('memory.failcnt') : /^max (\d+)$/m.exec(kernels('memory.events'))?.[1];
    assert.ok(Number(max) > 0);
    assert.equal(value(metrics.events, 'max'), Number(max));
    const [, refaults] = /^(?:total_)?workingset_refault_file (\d+)$/m.exec(kernels('memory.stat')) ?? [];
    assert.equal(value(metrics.fileRefaults), refaults === undefined ? undefined : Number(refaults));
  });

  test('a container without an OOM killer stands still until it gets memory', async (context) => {
    const { version, mount } = findHierarchy();
    if (version === 2) return context.skip('only cgroup v1 can switch the OOM killer off');
    const id = randomBytes(32).toString('hex');
    await using container = createCgroup('', `libpod-${id}`);
    const write = (name: string, value: number): void => writeFileSync(join(container.path, name), `${value}`);
    write('memory.limit_in_bytes', 16 << 20);
    write('memory.oom_control', 1);
    const inventory = new Inventory(mount ?? '');
    const source = new PressureSource({
      path: HOST,
      pressure: null,
      memory: { inventory, version },
      window: 'avg10',
      onHostState: () => {},
    });
    source.discover(Number.POSITIVE_INFINITY);
    const underOom = (): number | undefined =>
      samplesIn(source).find(
        ({ metric, member }) => metric === metrics.underOom && member.attributes['container.id'] === id,
      )?.member.totals[0];
    assert.equal(underOom(), 0);
    const hog = spawn(...container.wrap(fixture('hog'), 'still', '32'), { stdio: 'ignore' });
    const ended = once(hog, 'exit');
    try {
      await eventually('it stands still', () => underOom() === 1);
    } finally {
      write('memory.limit_in_bytes', 128 << 20);
    }
    assert.deepEqual(await ended, [0, null]);
    assert.equal(underOom(), 0);
  });
});
