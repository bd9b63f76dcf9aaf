/** A hundred of each kind of SIGKILL: who killed is right for all of them, whatever happens at the same time. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { missing } from '../support/requirements.ts';
import { attachKills, EARLYOOM, KINDS } from '../support/sigkills.ts';

const TIMES = Math.ceil(100 * Number(process.env.TEST_SCALE ?? 1));

suite('a hundred times SIGKILL by', { skip: missing('root', 'btf') }, () => {
  for (const kind of [...KINDS, EARLYOOM]) {
    test(kind.name, async (context) => {
      const lack = kind.lacks?.() ?? null;
      if (lack !== null) return context.skip(`this machine lacks ${lack}`);
      using kills = attachKills();
      for (let at = 0; at < TIMES; at++) {
        await using cgroup = createCgroup('sigkill');
        const { counts, killer } = await kind.kill(cgroup);
        const records = await kills.after(
          Object.values(counts).reduce((sum, count) => sum + count),
          cgroup,
        );
        assert.deepEqual(kills.counts(cgroup), counts, `time ${at}: ${JSON.stringify(records)}`);
        assert.deepEqual(
          records.map((record) => record.killer),
          [killer],
          `time ${at}`,
        );
      }
    });
  }
});
