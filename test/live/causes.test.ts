/** Operations that are slow for a known cause: it has the largest part of their time, and all parts are the whole. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { lacksFullDisk } from '../support/full-disk.ts';
import { mountOverlay } from '../support/overlay.ts';
import { OPTIONS, started } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { assertStaged, Observer } from '../support/staged.ts';
import { STAGES } from '../support/stages.ts';
import { mountTracefs } from '../support/tracefs.ts';

suite('what operations wait for', { skip: lacksFullDisk ?? missing('root', 'btf', 'fuse') }, () => {
  let observer: Observer;
  before(async () => {
    observer = await Observer.start();
  });
  after(() => observer[Symbol.dispose]());

  for (const stage of STAGES) test(`is ${stage.title}`, (context) => assertStaged(stage, context, observer));

  test('is forgotten when the next one of the same thread begins', async () => {
    await using slow = await mountSlow([20_000]);
    using overlay = mountOverlay(slow.path);
    writeFileSync(join(overlay.path, 'fast'), 'x'.repeat(4096));
    await using cgroup = createCgroup('causes');
    using _tracefs = mountTracefs();
    using receiver = await started({ ...OPTIONS, sleeps: true, slowNs: 1 });
    cgroup.run('head', '-c', '4096', join(overlay.path, 'slow'), join(overlay.path, 'fast'));
    const reads = receiver.it.slow.take().filter(({ op }) => op === 'read');
    const sleptOf = (name: string): boolean[] =>
      reads
        .filter(({ path }) => path?.path === name)
        .map(({ durationNs, parts: { cpu, runqueue } }) => cpu + runqueue < durationNs);
    assert.deepEqual({ slow: sleptOf('/slow'), fast: sleptOf('/fast') }, { slow: [true], fast: [false] });
  });
});
