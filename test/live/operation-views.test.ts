/** Views of the operations that are neither reads nor writes. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';

const METADATA = 'floatie_overlayfs_metadata_latency_us';
const SYNC = 'floatie_overlayfs_sync_latency_us';
const VIEWS = [
  `{selector: {instrument_name: ${METADATA}}, stream: {attribute_keys: {excluded: [op]}}}`,
  `{selector: {instrument_name: ${SYNC}}, stream: {name: commits_us}}`,
];
const COUNT = 8;
/** What each kind of test/fixtures/ops.c is: a getdents has two calls. */
const KINDS = { fsync: [0, COUNT], getdents: [2 * COUNT, 0], fchmod: [COUNT, 0] } as const;

suite('a view', { skip: missing('root', 'btf') }, () => {
  test('adds up the operations that it takes the names of, and renames others, and all are counted', async () => {
    await using stack = new AsyncDisposableStack();
    const overlay = stack.use(mountOverlay());
    const base = stack.use(createCgroup('views'));
    const cgroups = Object.entries(KINDS).map(([kind, counts]) => ({
      cgroup: stack.use(createCgroup(kind, `${base.name.slice(1)}/${kind}`)),
      counts,
    }));
    await using floatie = await startFloatie(['--set', `views=[${VIEWS}]`]);
    const words = [`${COUNT}`, '2'];
    execFileSync(fixture('ops'), ['prepare', overlay.path, ...words, ...Object.keys(KINDS)]);
    execFileSync(fixture('ops'), ['run', overlay.path, ...words, base.path, ...Object.keys(KINDS)]);
    const metrics = await floatie.scrape();
    for (const { cgroup, counts } of cgroups) {
      const { name } = cgroup;
      const samples = metrics.select(`${METADATA}_count`, { cgroup: name });
      assert.deepEqual(
        [samples.reduce((sum, { value }) => sum + value, 0), metrics.sum('commits_us_count', { cgroup: name })],
        counts,
        name,
      );
      for (const { labels } of samples) assert.equal(labels.op, undefined);
    }
    assert.deepEqual(metrics.select(`${SYNC}_count`), []);
  });
});
