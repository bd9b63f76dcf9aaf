/** The last five minutes of a container, as a running Floatie tells them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { Containers } from '../../src/history/schema.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';

const WRITES = 500;

async function containerIn(floatie: Floatie, id: string) {
  const response = await fetch(new URL(`/api/v1/containers?container=${id}`, floatie.url));
  const { containers } = (await response.json()) as Containers;
  return containers[0];
}

suite('the last minutes of a container', { skip: missing('root', 'btf') }, () => {
  test('are at /api/v1/containers and in the words of floatie explain: operations, memory and a kill', async () => {
    const id = randomBytes(32).toString('hex');
    using overlay = mountOverlay();
    await using cgroup = createCgroup('history', `libpod-${id}`);
    await using floatie = await startFloatie();
    limit(cgroup, 48);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=4096', `count=${WRITES}`);
    await once(hog(cgroup, 'history', 200), 'exit');
    const container = await eventually('the history has it', async () => {
      const found = await containerIn(floatie, id);
      return found?.oom_kills_5m === 1 && found.memory.usage_bytes !== undefined && found;
    });
    const write = container.operations.find(({ op }) => op === 'write');
    assert.equal(write?.last_1m.count, WRITES);
    assert.equal(write.last_1m.bytes, WRITES * 4096);
    assert.equal(
      write.series.count.reduce((sum: number, count) => sum + (count ?? 0), 0),
      WRITES,
    );
    assert.equal(container.memory.limit_bytes, 48 << 20);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[MAIN, 'explain', id.slice(0, 12), '--url', new URL('/', floatie.url).href],
    ]);
    assert.match(stdout, new RegExp(`^${id.slice(0, 12)}: .*\\d+ s ago: .* was killed\\. `, 's'));
  });
});
