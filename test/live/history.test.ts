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
/** For how long there are samples of the memory before the kill. */
const SAMPLED_MS = 6000;

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
    let sampledMs: number | undefined;
    // A step may end while they are written.
    const container = await eventually('the history has all writes, and the memory of some seconds', async () => {
      const found = await containerIn(floatie, id);
      const counts = found?.operations.find(({ op }) => op === 'write')?.series.count ?? [];
      const isWhole = counts.reduce((sum: number, count) => sum + (count ?? 0), 0) >= WRITES;
      if (found?.memory.usage_bytes !== undefined) sampledMs ??= performance.now();
      const isOld = sampledMs !== undefined && performance.now() - sampledMs > SAMPLED_MS;
      return isWhole && isOld && found;
    });
    const write = container.operations.find(({ op }) => op === 'write');
    assert.deepEqual([write?.last_1m.count, write?.last_1m.bytes], [WRITES, WRITES * 4096]);
    assert.equal(container.memory.limit_bytes, 48 << 20);
    await once(hog(cgroup, 'history', 200), 'exit');
    const record = await eventually('the kill is told', async () => {
      const response = await fetch(new URL(`/oom?container=${id}`, floatie.url));
      return ((await response.json()) as { records: Record<string, unknown>[] }).records[0];
    });
    const before = record.usage_before as { seconds_before: number; bytes: number }[];
    assert.ok(before.some(({ seconds_before, bytes }) => seconds_before > 5 && bytes < 40 << 20));
    assert.ok(Number(record.growth_10s ?? 1) > 0);
    // After many kills at once the kernel's report is left out, and with it what filled the memory.
    if (record.memory_source === 'kernel_report') assert.equal(record.cause, 'burst', `${record.explanation}`);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[MAIN, 'explain', id.slice(0, 12), '--url', new URL('/', floatie.url).href],
    ]);
    assert.match(stdout, new RegExp(`^${id.slice(0, 12)}: .*\\d+ s ago: .* was killed\\. `, 's'));
  });
});
