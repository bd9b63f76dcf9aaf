import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Event, killsOf, sentenceOf, slowOf } from '../../src/page/events.ts';

suite('an event as a sentence', () => {
  const rows: [event: Event, sentence: string][] = [
    [{ victim_process: 'tail', victim_comm: 't' }, 'tail was killed'],
    [{ victim_comm: 't', anon_rss_bytes: 64 << 20 }, 't (64 MiB of its own memory) was killed'],
    [{ victim_process: 'tail', explanation: 'It was full' }, 'tail was killed. It was full'],
    [{ killer: 'process', explanation: 'a (pid 1) was killed by b' }, 'a (pid 1) was killed by b'],
    [{ op: 'read', duration_us: 840_000 }, 'read of a file took 840 ms'],
    [
      { op: 'sync', path: '/a', comm: 'pg', duration_us: 1000, commit_us: 800, cpu_us: 200 },
      'sync of /a by pg took 1 ms: commit 80 %, cpu 20 %',
    ],
    [
      { op: 'write', path: '/a', process: 'x', error: 'EIO', duration_us: 2e6 },
      'write of /a by x failed (EIO) and took 2 s',
    ],
    [{ victim_process: 7, explanation: {} }, 'A process was killed'],
  ];
  for (const [event, sentence] of rows) test(sentence, () => assert.equal(sentenceOf(event), sentence));
});

suite('events', () => {
  const at = (time: string, more: Event = {}): Event => ({ time, cgroup: '/a', ...more });
  const events = new Map([
    ['/oom', [at('2026-01-01T00:00:01Z', { container_id: 'x' })]],
    [
      '/kills',
      [at('2026-01-01T00:00:01Z', { killer: 'kernel_oom' }), at('2026-01-01T00:00:02Z', { killer: 'process' })],
    ],
    ['/slow', [at('2026-01-01T00:00:03Z')]],
  ]);

  test('that are kills are there once, the newest first', () => {
    assert.deepEqual(
      killsOf(events).map(({ killer }) => killer),
      ['process', undefined],
    );
  });

  test('are those of a container, or of a cgroup without one', () => {
    assert.equal(killsOf(events, 'x').length, 1);
    assert.equal(slowOf(events, '/a').length, 1);
    assert.equal(slowOf(events, 'x').length, 0);
  });
});
