import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explain } from '../../../src/commands/explain/sentences.ts';
import type { Container, ContainerOperation, Containers } from '../../../src/history/schema.ts';
import type { Event, Events } from '../../../src/page/events.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const ID = 'a'.repeat(64);

function operation(op: string, sum_s: number, waits: Readonly<Record<string, number>> = {}): ContainerOperation {
  const window = { count: 1000, per_s: 16.7, sum_s, p50_us: 100, p99_us: 40_000, bytes: 60 << 20, errors: 0 };
  const all = Object.entries(waits).map(([cause, last_1m_s]) => ({ cause, last_10s_s: 0, last_1m_s }));
  const series = { count: [], sum_s: [], p99_us: [] };
  return { op, is_part: op.startsWith('copy_up'), last_10s: window, last_1m: window, waits: all, series };
}

function container(changes: Partial<Container> = {}): Container {
  const series = { usage_bytes: [], headroom_bytes: [], pressure_score: [] };
  const owner = { cgroup: `/docker/${ID}`, container_id: ID, container_name: 'web-1' };
  return { ...owner, is_gone: false, operations: [], memory: { series }, ...changes };
}

function answerOf(...containers: Container[]): Containers {
  const time = new Date(NOW).toISOString();
  return { time, step_s: 10, steps: 30, last_step_s: 10, last_10s_s: 10, last_1m_s: 60, containers, left_out: 0 };
}

function stall(last_1m_s: number) {
  return { last_10s_s: 0, last_1m_s, series_s: [] };
}

function statementsOf(changes: Partial<Container>, events: Events = new Map()) {
  return explain(answerOf(container(changes)), events, NOW)[0]?.statements ?? [];
}

suite('the first sentence of an explanation', () => {
  test('says how long it waited in which operation, and for what', () => {
    const waits = { device: 10, lock: 1.5, cpu: 0.9, other: 0.1 };
    const slow: Event = {
      time: '2026-01-02T03:04:00Z',
      container_id: ID,
      op: 'read',
      path: '/var/big.db',
      duration_us: 840_000,
    };
    const [first] = statementsOf({ operations: [operation('read', 12.5, waits)] }, new Map([['/slow', [slow]]]));
    assert.equal(
      first?.sentence,
      'Reads waited 12.5 s in the last minute: 80 % for the device, 12 % for a lock of the file or directory, 7 % on the CPU itself (1,000 of them, 1 MiB/s, 99 % took at most 40 ms); slowest: /var/big.db, 840 ms',
    );
    assert.match(first.cure ?? '', /iostat/);
  });

  test('says nothing of how long nearly all took that cannot be told', () => {
    const slow = operation('read', 12.5, { device: 12.5 });
    const operations = [{ ...slow, last_1m: { ...slow.last_1m, p99_us: 524_288 } }];
    assert.match(statementsOf({ operations })[0]?.sentence ?? '', /, 1 % took 524 ms or more\)/);
  });

  test('gives no advice where less than a hundredth of the minute was waited', () => {
    const cureOf = (s: number) => statementsOf({ operations: [operation('read', s, { device: s })] })[0]?.cure;
    assert.equal(cureOf(0.5), undefined);
    assert.match(cureOf(0.7) ?? '', /iostat/);
  });

  for (const [cause, cure] of [
    ['device', /io\.max/],
    ['commit', /journal/],
    ['remote', /server/],
    ['dirty_throttle', /vm\.dirty_bytes/],
    ['memory', /memory\.max/],
    ['lock', /same file/],
    ['runqueue', /CPU limit/],
    ['cpu', /fewer and larger/],
    ['other', /causes: on/],
    ['new_one', /^$/],
  ] as const) {
    test(`names the cause ${cause} and what to try`, () => {
      const [first] = statementsOf({ operations: [operation('sync', 6, { [cause]: 6 })] });
      assert.match(first?.sentence ?? '', /^Syncs waited 6 s in the last minute: 100 % /);
      assert.match(first?.cure ?? '', cure);
    });
  }

  test('is about what costs most: the CPU limit, though no operation is slow', () => {
    const [first] = statementsOf({ operations: [operation('read', 0.2)], cpu_throttled: stall(41) });
    assert.match(first?.sentence ?? '', /^The CPU limit kept it from running for 41 s/);
  });

  test('says that I/O which overlayfs does not see is elsewhere', () => {
    const [first] = statementsOf({ operations: [operation('read', 0.3)], io_stall: stall(20) });
    assert.match(
      first?.sentence ?? '',
      /^Not on overlayfs: a volume or mapped files\. Tasks waited for I\/O in 20 s .* 300 ms on overlayfs$/,
    );
    const seen = statementsOf({ operations: [operation('read', 18)], io_stall: stall(20) });
    assert.equal(seen.length, 1);
  });

  test('says that memory.high slows it down', () => {
    const { memory } = container();
    const [first] = statementsOf({ memory_stall: stall(30), memory: { ...memory, throttled_5m: 9 } });
    assert.match(
      first?.sentence ?? '',
      /^Tasks waited for memory in 30 s of the last minute, slowed down by memory\.high$/,
    );
  });

  test('adds no copy-up to the operation that caused it, and leaves out what is short', () => {
    assert.deepEqual(statementsOf({ operations: [operation('copy_up_open', 9), operation('stat', 0.05)] }), []);
  });
});

suite('kills', () => {
  const oom = (minutes: number, changes: Event = {}): Event => ({
    time: new Date(NOW - minutes * 60_000).toISOString(),
    ...{ container_id: ID, cgroup: `/docker/${ID}`, victim_process: 'tail' },
    explanation: 'Usage jumped from 2.0 MiB to 64.0 MiB within 3 s',
    ...changes,
  });

  test('are told with cause, growth and what was before, the newest first', () => {
    const events: Events = new Map([
      ['/oom', [oom(4), oom(3, { growth_10s: 20 << 20, limit_hits: 4 })]],
      ['/kills', [oom(3, { killer: 'kernel_oom' })]],
    ]);
    const [{ killed } = { killed: [] }] = explain(answerOf(container()), events, NOW);
    assert.deepEqual(killed, [
      '3 min ago: tail was killed. Usage jumped from 2.0 MiB to 64.0 MiB within 3 s (it had grown by 20 MiB/s; it had met its limit 4 times before)',
      '4 min ago: tail was killed. Usage jumped from 2.0 MiB to 64.0 MiB within 3 s',
    ]);
  });

  test('are told of a container without a history, and only the last of many', () => {
    const events: Events = new Map([['/oom', [9, 8, 7, 6, 5].map((minutes) => oom(minutes))]]);
    const [gone] = explain(answerOf(), events, NOW);
    assert.equal(gone?.container_id, ID);
    assert.deepEqual([gone.killed.length, gone.killed.at(-1)], [4, 'and 2 more before']);
  });

  test('of others are not told of a container that is asked for', () => {
    const events: Events = new Map([['/oom', [oom(1, { container_id: 'b', cgroup: '/b' })]]]);
    const found = explain(answerOf(container()), events, NOW, ({ container_name }) => container_name === 'web-1');
    assert.deepEqual(
      found.map(({ killed }) => killed),
      [[]],
    );
  });
});
