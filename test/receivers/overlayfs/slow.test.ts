import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Cgroups } from '../../../src/containers/cgroups.ts';
import { identify } from '../../../src/containers/identity.ts';
import type { RingBuffer } from '../../../src/native/index.ts';
import { createLogger } from '../../../src/program/log.ts';
import { Exemplars } from '../../../src/receivers/overlayfs/exemplars.ts';
import type { OverlayfsSettings } from '../../../src/receivers/overlayfs/settings.ts';
import { startSlow } from '../../../src/receivers/overlayfs/slow.ts';
import { decodeSlowEvent, type SlowEvent } from '../../../src/receivers/overlayfs/slow-events.ts';
import { describeSlow } from '../../../src/receivers/overlayfs/slow-record.ts';
import { SLOW_OPERATION } from '../../../src/receivers/overlayfs/slow-schema.ts';
import type { Choice, Context } from '../../../src/receivers/receiver.ts';
import { flatten, otlpAttributes } from '../../../src/records/encode.ts';
import { withoutPrivate } from '../../../src/records/public.ts';
import { Records } from '../../../src/records/records.ts';
import { slowEvent } from '../../support/slow-events.ts';

const OWNER = identify(`/docker/${'d'.repeat(64)}`);
const NAMES = ['big.db', 'app', 'lib', 'var'];

suite('a slow operation', () => {
  test('is a record with its file, process and owner', () => {
    const { time, ...record } = flatten(
      describeSlow(decodeSlowEvent(slowEvent({ names: NAMES, offset: 8192 })), OWNER, 'full'),
    );
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 10_000);
    assert.deepEqual(record, {
      op: 'read',
      duration_us: 123_457,
      cpu_us: 3000,
      runqueue_us: 457,
      other_us: 120_000,
      device_read_bytes: 8192,
      bytes: 4096,
      offset_bytes: 8192,
      path: '/var/lib/app/big.db',
      deleted: false,
      comm: 'thread',
      process: 'process',
      pid: 12,
      tgid: 11,
      ns_pid: 1,
      uid: 1000,
      cgroup: `/docker/${'d'.repeat(64)}`,
      container_id: 'd'.repeat(64),
    });
  });

  const described = (given: Parameters<typeof slowEvent>[0], paths: 'full' | 'directory' | 'off' = 'full') =>
    describeSlow(decodeSlowEvent(slowEvent(given)), OWNER, paths).values;

  test('tells its directory alone, or no path, where that is wanted', () => {
    assert.equal(described({ names: NAMES }, 'directory').path, '/var/lib/app');
    assert.equal(described({ names: ['file'] }, 'directory').path, '/');
    assert.equal(described({ names: ['log', 'var'], flags: { is_directory: 1 } }, 'directory').path, '/var/log');
    assert.equal(described({ names: [], flags: { is_directory: 1 } }, 'directory').path, '/');
    const { path, deleted } = described({ names: NAMES }, 'off');
    assert.deepEqual([path, deleted], [undefined, undefined]);
  });

  test('of a file without a name has the last one; a path that is too long has its lower part', () => {
    assert.equal(described({ names: NAMES, flags: { is_deleted: 1 } }).deleted, true);
    assert.equal(described({ names: ['file', 'deep'], flags: { is_cut: 1 } }).path, '/…/deep/file');
    const { path, deleted } = described({ names: null });
    assert.deepEqual([path, deleted], [undefined, undefined]);
  });

  test('that failed has its error and no bytes; what moves none has none', () => {
    const outcomeOf = (ret: number, op: 'sync' | 'write' = 'write') => {
      const { error, bytes } = described({ ret, op });
      return [error, bytes];
    };
    assert.deepEqual(outcomeOf(-5), ['EIO', undefined]);
    assert.deepEqual(outcomeOf(-122), ['EDQUOT', undefined]);
    assert.deepEqual(outcomeOf(-512), ['EINTR', undefined]);
    assert.deepEqual(outcomeOf(0), [undefined, 0]);
    assert.deepEqual(outcomeOf(0, 'sync'), [undefined, undefined]);
  });

  test('with any bytes for names is valid text everywhere, and one line', () => {
    const hostile = Buffer.concat([Buffer.from('a"\n\u2028\\{}'), Buffer.from([0xff, 0xc0, 0x1b])]);
    const record = describeSlow(decodeSlowEvent(slowEvent({ names: [hostile, 'b\tc'], comm: hostile })), OWNER, 'full');
    assert.equal(record.values.path, '/b\uFFFDc/a"\uFFFD\uFFFD\\{}\uFFFD\uFFFD\uFFFD');
    assert.ok(Object.values(otlpAttributes(record)).every((value) => !/[\p{Cc}\u2028]/u.test(String(value))));
    const lines: string[] = [];
    createLogger('info', 'text', (line) => lines.push(line)).warn(SLOW_OPERATION.title, flatten(record));
    assert.match(lines.join(''), /^[^\n]*\n$/);
  });

  test('is a sentence for people', () => {
    const { values } = describeSlow(decodeSlowEvent(slowEvent({ names: NAMES })), OWNER, 'full');
    assert.equal(SLOW_OPERATION.summaryOf(values), 'read of /var/lib/app/big.db by thread (11) took 123 ms');
    assert.equal(SLOW_OPERATION.summaryOf({ ...values, path: undefined }), 'read by thread (11) took 123 ms');
  });
});

suite('records of slow operations', () => {
  function running() {
    const records = new Records([SLOW_OPERATION]);
    const lines: string[] = [];
    const events: SlowEvent[] = [];
    const jobs: (() => void)[] = [];
    const settings = { slow_ms: 100, slow_paths: 'full' } as OverlayfsSettings;
    const context = {
      ...{ settings, filter: null, records, cgroups: new Cgroups(null, () => OWNER) },
      log: createLogger('info', 'json', (line) => lines.push(line)),
      every: (_: number, __: string, work: () => void) => jobs.push(work),
      wakeBy: () => undefined,
    } as unknown as Context<OverlayfsSettings>;
    const exemplars = new Exemplars();
    const counts = () => ({ told: 0, leftOut: 5, lost: 2, corrupted: 1 });
    const ring = {} as RingBuffer;
    const slow = startSlow(context, { ring, take: () => events.splice(0), counts }, exemplars);
    return {
      records,
      lines,
      events,
      slow,
      exemplars,
      settings,
      poll() {
        for (const work of jobs) work();
      },
    };
  }

  test('are listed all, and logged once a minute with the number of those left out', () => {
    const { records, lines, events, poll } = running();
    for (let at = 0; at < 3; at++) events.push(decodeSlowEvent(slowEvent()));
    poll();
    assert.equal(records.at('/slow')?.length, 3);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).message),
      ['Slow operation'],
    );
  });

  test('are none of cgroups that are excluded, from a reload on; the last ones are taken at the stop', () => {
    const { records, events, slow, settings, poll } = running();
    events.push(decodeSlowEvent(slowEvent()));
    slow.settle();
    slow.choose({ settings, filter: () => false } as unknown as Choice<OverlayfsSettings>);
    events.push(decodeSlowEvent(slowEvent()));
    poll();
    assert.equal(records.at('/slow')?.length, 1);
  });

  test('are exemplars of their histogram, with their cause, process and file', () => {
    const { exemplars, events, poll } = running();
    for (const ret of [-5, 0, 4096]) events.push(decodeSlowEvent(slowEvent({ names: NAMES, ret })));
    poll();
    const [exemplar, ...others] = exemplars.of(7n)?.read ?? [];
    assert.deepEqual(others, [], 'those that failed and that moved nothing are in no histogram');
    const publicAttributes = { cause: 'other', process: 'process' };
    assert.deepEqual(exemplar?.attributes, { path: '/var/lib/app/big.db', ...publicAttributes });
    assert.deepEqual([exemplar.publicAttributes, exemplar.value], [publicAttributes, 123_456.789]);
    assert.equal(exemplars.of(7n)?.write, undefined);
  });

  test('are exemplars no more when a reload changes what is told of paths', () => {
    const { exemplars, events, slow, settings, poll } = running();
    events.push(decodeSlowEvent(slowEvent()));
    poll();
    slow.choose({ settings, filter: null } as unknown as Choice<OverlayfsSettings>);
    assert.equal(exemplars.of(7n)?.read?.length, 1);
    slow.choose({ settings: { ...settings, slow_paths: 'off' }, filter: null } as unknown as Choice<OverlayfsSettings>);
    assert.equal(exemplars.of(7n)?.read, undefined);
  });

  test('are exemplars with 128 characters of names and values at most, as OpenMetrics wants it', () => {
    const { exemplars, events, poll } = running();
    events.push(decodeSlowEvent(slowEvent({ names: ['🦆'.repeat(60), '🐈'.repeat(60)] })));
    poll();
    const [exemplar] = exemplars.of(7n)?.read ?? [];
    const characters = Array.from(
      Object.entries(exemplar?.attributes ?? {})
        .flat()
        .join(''),
    );
    assert.equal(characters.length, 128);
    assert.match(String(exemplar?.attributes.path), /^…🐈+\/🦆{60}$/u);
  });

  test('are the last four exemplars of an operation, in 250 cgroups at most', () => {
    const { exemplars, events, poll } = running();
    const names = (cgroupId: bigint) => exemplars.of(cgroupId)?.read?.map(({ attributes }) => attributes.path);
    for (let at = 0; at < 6; at++) events.push(decodeSlowEvent(slowEvent({ names: [`${at}`] })));
    for (let id = 1000n; id < 1249n; id++) events.push(decodeSlowEvent(slowEvent({ cgroupId: id })));
    poll();
    assert.deepEqual(names(7n), ['/2', '/3', '/4', '/5']);
    events.push(decodeSlowEvent(slowEvent({ cgroupId: 1249n })));
    poll();
    assert.deepEqual([names(7n), names(1000n)], [undefined, ['/file']]);
  });

  test('count what is left out, and what is lost', () => {
    const counted: Record<string, unknown> = {};
    running().slow.observe(({ name }, callback) =>
      callback((value, attributes) => (counted[name] = [value, attributes])),
    );
    assert.deepEqual(counted, {
      floatie_overlayfs_slow_left_out_total: [5, {}],
      floatie_events_lost_total: [3, { probe: 'overlayfs' }],
    });
  });

  test('for anyone have neither paths nor numbers of processes and users, and are the same objects each time', () => {
    const { records, events, poll } = running();
    events.push(decodeSlowEvent(slowEvent({ offset: 0 })));
    poll();
    const open = withoutPrivate(records);
    const [record] = open.at('/slow') ?? [];
    assert.ok(record);
    assert.deepEqual(Object.keys(flatten(record)), [
      ...[
        'time',
        'op',
        'duration_us',
        'cpu_us',
        'runqueue_us',
        'other_us',
        'device_read_bytes',
        'bytes',
        'offset_bytes',
      ],
      ...['comm', 'process', 'cgroup', 'container_id'],
    ]);
    assert.equal(open.at('/slow'), open.at('/slow'));
    poll();
    events.push(decodeSlowEvent(slowEvent()));
    poll();
    assert.equal(open.at('/slow')?.[0], record);
    assert.equal(open.at('/other'), null);
  });
});
