/** What does not compile; what others read of a record is in test/receivers/oom/golden.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatten, otlpAttributes } from '../../src/records/encode.ts';
import { containerFields } from '../../src/records/owner.ts';
import { type Fields, partOf, type RecordSchema, recordOf } from '../../src/records/schema.ts';

const PART = { 'task.comm': { type: 'string', meaning: 'its name' } } as const satisfies Fields;
const FIELDS = {
  time: { type: 'string', meaning: 'when' },
  cgroup: { type: 'string', meaning: 'where' },
  ...containerFields('', 'whose it is'),
  'wait.us': { type: 'number', meaning: 'how long', absent: 'not known' },
  tasks: { type: { each: PART }, meaning: 'who waited', absent: 'nobody did' },
} as const satisfies Fields;

const SLOW: RecordSchema<typeof FIELDS> = {
  ...{ title: 'Slow', eventName: 'slow', path: '/slow', fields: FIELDS },
  summaryOf: (values) => `slow in ${values.cgroup}`,
};

const WHERE = { time: '2026-01-02T03:04:05Z', cgroup: '/a' };

test('a record is written in the order of its schema, without what is undefined', () => {
  const values = { tasks: [partOf(PART, { 'task.comm': 'b' })], 'wait.us': undefined, 'container.id': 'c', ...WHERE };
  assert.deepEqual(
    Object.entries(flatten(recordOf(SLOW, values))),
    Object.entries({ ...WHERE, container_id: 'c', tasks: [{ task_comm: 'b' }] }),
  );
});

test('only names of semantic conventions have dots in OTLP, and the time is no attribute', () => {
  const record = recordOf(SLOW, { ...WHERE, 'container.id': 'c', 'wait.us': 3 });
  assert.deepEqual(otlpAttributes(record), { cgroup: '/a', 'container.id': 'c', wait_us: 3 });
});

test('a field that the schema lacks, one of another type and one that is missing do not compile', () => {
  // @ts-expect-error: no such field
  recordOf(SLOW, { ...WHERE, 'wait.ms': 3 });
  // @ts-expect-error: no such field, spread
  recordOf(SLOW, { ...WHERE, ...{ wait_us: 3 } });
  // @ts-expect-error: a number
  recordOf(SLOW, { ...WHERE, 'wait.us': '3' });
  // @ts-expect-error: cgroup is always there
  recordOf(SLOW, { time: WHERE.time });
  // @ts-expect-error: no such field of a part
  partOf(PART, { 'task.comm': 'b', 'task.pid': 1 });
});
