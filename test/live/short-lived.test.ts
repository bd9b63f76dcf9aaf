/** Cgroups that come when nothing has happened for a while, and are soon gone: Floatie rests, and must be woken. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCgroup } from '../support/cgroup.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';

/** Longer than Floatie goes on to look for events after the last one, in ms. */
const REST_MS = 3500;
/** Shorter than Floatie rests, in ms: it would name all of them by chance once in a thousand times. */
const LIFE_MS = 150;

test('a cgroup that lives for 0.15 s is named, also after a rest', { skip: missing('root', 'btf') }, async () => {
  using overlay = mountOverlay();
  await using floatie = await startFloatie();
  const names: string[] = [];
  for (let index = 0; index < 4; index++) {
    await pause(REST_MS);
    await using cgroup = createCgroup('short-lived');
    names.push(cgroup.name);
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=1');
    await pause(LIFE_MS);
  }
  const metrics = await floatie.scrape();
  const counts = names.map((cgroup) => metrics.sum('floatie_overlayfs_write_latency_us_count', { cgroup }));
  assert.deepEqual(counts, [1, 1, 1, 1]);
});
