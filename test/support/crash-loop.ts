/** Containers in a crash loop: killed as soon as they start, so that their cgroups are removed at once. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './eventually.ts';
import { startFloatie } from './floatie.ts';
import { reportedInFull } from './oom.ts';
import { BASE, podmanEnv } from './podman.ts';
import { missing } from './requirements.ts';

/** How many run at a time: each takes a CPU for most of its life. */
const AT_ONCE = 2;

export function testCrashLoop(count: number): void {
  test(`${count} containers that die at their start are all told by their ids`, {
    skip: missing('root', 'btf'),
  }, async () => {
    await using floatie = await startFloatie();
    const ids = await crashAtStart(count);
    const records = await eventually('all kills are in the log', () => {
      const found = floatie.log.filter(({ message }) => message === 'OOM kill');
      return found.length >= count && found;
    });
    const sorted = (field: string): unknown[] => records.map((record) => record[field]).toSorted();
    assert.deepEqual(sorted('container_id'), ids.toSorted());
    assert.deepEqual(sorted('trigger_container_id'), ids.toSorted());
    // Where only the kernel's log tells whose limit was reached, most of many kills lack it.
    for (const { container_id, limit_owner, limit_container_id } of records) {
      assert.equal(limit_container_id, limit_owner === undefined ? undefined : container_id);
    }
    const metrics = await floatie.scrape();
    for (const container_id of ids) assert.equal(metrics.sum('floatie_oom_kills_total', { container_id }), 1);
    await floatie.stop();
    await reportedInFull();
  });
}

/** @returns the ids of the containers, whose only process was killed */
async function crashAtStart(count: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-crash-loop-'));
  try {
    const files = Array.from({ length: count }, (_, index) => join(folder, String(index)));
    const waiting = [...files];
    const work = async (): Promise<void> => {
      for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) assert.equal(await crash(file), 137);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return files.map((file) => readFileSync(file, 'utf8').trim());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @returns the container's exit code */
function crash(idFile: string): Promise<unknown> {
  const options = ['--rm', '--cidfile', idFile, '--ulimit', 'host', '--network=none', '-m', '32m'];
  // conmon leaves a file there when a container runs out of memory.
  const cwd = dirname(idFile);
  return new Promise((resolve) => {
    execFile('podman', ['run', ...options, BASE, 'tail', '/dev/zero'], { env: podmanEnv(), cwd }, (error) =>
      resolve(error?.code),
    );
  });
}
