/** The memory pressure that a kernel measures, of the host and of a container. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findV2Mount } from '../../../src/containers/hierarchy.ts';
import { Inventory } from '../../../src/containers/inventory.ts';
import { parsePressure, pressureScore } from '../../../src/kernel/psi.ts';
import { metrics } from '../../../src/receivers/pressure/metrics.ts';
import { PressureSource } from '../../../src/receivers/pressure/source.ts';
import { eventually } from '../../support/eventually.ts';
import { missing } from '../../support/requirements.ts';
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
      const sample = source
        .read()
        .find(
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
});
