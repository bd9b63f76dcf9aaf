/** The kills receiver in this process: who killed, for every kind of SIGKILL. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { createCgroup } from '../../support/cgroup.ts';
import { missing } from '../../support/requirements.ts';
import { attachKills, KINDS, sendAs, start } from '../../support/sigkills.ts';

suite('SIGKILL by', { skip: missing('root', 'btf') }, () => {
  for (const kind of KINDS) {
    test(`${kind.name} is one record, and each process counts by its killer`, async (context) => {
      const lack = kind.lacks?.() ?? null;
      if (lack !== null) return context.skip(`this machine lacks ${lack}`);
      await using cgroup = createCgroup('sigkill');
      using kills = attachKills(cgroup);
      const expected = await kind.kill(cgroup);
      const total = Object.values(expected.counts).reduce((sum, count) => sum + count);
      const records = await kills.after(total, cgroup);
      assert.deepEqual(kills.counts(cgroup), expected.counts, JSON.stringify(records));
      const [record, ...further] = records;
      assert.deepEqual([record?.killer, record?.processes, record?.cgroup], [expected.killer, total, cgroup.name]);
      assert.match(String(record?.explanation), expected.explanation);
      assert.deepEqual(further, []);
    });
  }

  test('nobody is told when SIGTERM is enough, and when one that has ended is killed', async () => {
    await using cgroup = createCgroup('sigterm');
    using kills = attachKills(cgroup);
    for (let round = 0; round < 5; round++) {
      const { child } = await start(cgroup, 'wait');
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [null, 'SIGTERM']);
    }
    const { child, pid } = await start(cgroup, 'deaf');
    await Promise.all([once(child, 'exit'), sendAs('podman', 20, pid)]);
    const records = await kills.after(1, cgroup);
    assert.deepEqual(kills.counts(cgroup), { 'runtime podman': 1 });
    assert.equal(records.length, 1);
  });
});
