/** What the kernel counts of a container's memory before it runs out, and when it does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findHierarchy } from '../../../src/containers/hierarchy.ts';
import { Inventory } from '../../../src/containers/inventory.ts';
import type { Sample } from '../../../src/metrics/registry.ts';
import { metrics } from '../../../src/receivers/pressure/metrics.ts';
import { PressureSource } from '../../../src/receivers/pressure/source.ts';
import { type Cgroup, createCgroup } from '../../support/cgroup.ts';
import { hog, limit } from '../../support/oom.ts';
import { missing } from '../../support/requirements.ts';
import { samplesIn } from '../../support/samples.ts';

suite('events of memory on this kernel', { skip: missing('root') }, () => {
  test('are what the kernel counts of the container, and stay when it is removed', async () => {
    const { mount, version } = findHierarchy();
    await using container = createCgroup('container', `libpod-${'e'.repeat(64)}`);
    const source = new PressureSource({
      ...{ path: '/proc/pressure/memory', pressure: null, window: 'avg10' as const, onHostState: () => undefined },
      memory: { inventory: new Inventory(mount ?? ''), version },
    });
    try {
      source.discover(Number.POSITIVE_INFINITY);
      assert.deepEqual(eventsIn(samplesIn(source), container), {});
      limit(container, 16);
      await once(hog(container, 'events', 64), 'exit');
      const counted = countedIn(container);
      assert.ok(counted.max !== undefined && counted.oom_kill === 1, JSON.stringify(counted));
      assert.deepEqual(eventsIn(samplesIn(source), container), counted);
      await container.remove();
      assert.deepEqual(eventsIn(samplesIn(source), container), {});
      source.discover(Number.POSITIVE_INFINITY);
      assert.deepEqual(eventsIn(source.retire(), container), counted);
    } finally {
      source.close();
    }
  });
});

function eventsIn(samples: readonly Sample[], { name }: Cgroup): Record<string, number | undefined> {
  const own = samples.filter(({ metric, member }) => metric === metrics.events && member.attributes.cgroup === name);
  return Object.fromEntries(own.map(({ member }) => [String(member.attributes.event), member.totals[0]]));
}

/** The kernel's own files, without what has not happened. */
function countedIn({ path }: Cgroup): Record<string, number> {
  const read = (file: string): string => {
    return existsSync(join(path, file)) ? readFileSync(join(path, file), 'utf8') : '';
  };
  const isV2 = existsSync(join(path, 'memory.events'));
  const lines = isV2
    ? read('memory.events').trim().split('\n')
    : [
        `max ${Number(read('memory.failcnt')) + Number(read('memory.memsw.failcnt'))}`,
        ...read('memory.oom_control').split('\n'),
      ];
  const counts = lines.map((line) => line.split(' ')).map(([name = '', count]) => [name, Number(count)] as const);
  const isEvent = /^(low|high|max|oom|oom_kill|oom_group_kill)$/;
  return Object.fromEntries(counts.filter(([name, count]) => isEvent.test(name) && count > 0));
}
