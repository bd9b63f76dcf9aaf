/** The events of tracefs are what outlives a Floatie that was killed; the next one sweeps them away. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { startFloatie } from '../support/floatie.ts';
import { missing } from '../support/requirements.ts';
import { mountTracefs } from '../support/tracefs.ts';

const BY_KPROBE = [
  '--set',
  'receivers.overlayfs.attach=kprobe',
  '--set',
  'service.pipelines.metrics.receivers=[overlayfs]',
];

suite('SIGKILL while attached by kprobe', { skip: missing('root', 'btf', 'guest') }, () => {
  let tracefs: Disposable;
  before(() => {
    tracefs = mountTracefs();
  });
  after(() => tracefs[Symbol.dispose]());

  const events = (): string[] =>
    readFileSync('/sys/kernel/tracing/kprobe_events', 'utf8')
      .split('\n')
      .filter((line) => line.includes(':floatie/'));

  test('leaves events, which the next start sweeps away, and it none after its end', async () => {
    const left = new Set<string>();
    for (let kills = 0; kills < 3; kills++) {
      await using floatie = await startFloatie(BY_KPROBE);
      const now = events();
      assert.notEqual(now.length, 0);
      assert.ok(
        now.every((event) => !left.has(event)),
        'those of the one before are gone',
      );
      for (const event of now) left.add(event);
      await floatie.stop('SIGKILL');
      assert.deepEqual(events(), now);
    }
    await using floatie = await startFloatie(BY_KPROBE);
    assert.equal(await floatie.stop(), 0);
    assert.deepEqual(events(), []);
  });
});
