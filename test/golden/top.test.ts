/** Screens of `floatie top`, to the byte. `npm run golden` writes them anew. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Data } from '../../src/commands/top/client.ts';
import { type Model, START } from '../../src/commands/top/model.ts';
import { screen } from '../../src/commands/top/screen.ts';
import { widthOf } from '../../src/commands/top/text.ts';
import { flatten } from '../../src/records/encode.ts';
import { ANSWER, HOSTILE, TIME, WEB } from '../support/containers-answer.ts';
import { READY } from '../support/fixed-floatie.ts';
import { oomRecord } from '../support/records.ts';

const kill = flatten(
  oomRecord({
    time: '2026-01-02T03:02:00.000Z',
    cgroup: WEB.cgroup,
    ...({ 'container.id': WEB.container_id, 'container.name': 'web-1', 'victim.comm': 'tail' } as object),
    explanation:
      'Its own limit of 64 MiB was full: 58 MiB of it were anonymous memory of tail, which grew by 20 MiB a second',
  }),
);
const slow = { time: TIME, container_name: HOSTILE, op: 'read', path: `/${HOSTILE}`, duration_us: 840_000 };
const DATA: Data = {
  answer: ANSWER,
  events: new Map([
    ['/oom', [kill]],
    ['/slow', [slow]],
  ]),
  readiness: READY,
};
const NOW_MS = Date.parse(TIME) + 3000;

const rows: [file: string, model: Partial<Model>, columns: number][] = [
  ['top-containers.txt', {}, 120],
  ['top-narrow.txt', { sort: 'waits' }, 60],
  ['top-filter.txt', { filter: 'web', isTyping: true }, 120],
  ['top-container.txt', { container: WEB.container_id ?? null }, 120],
  ['top-oom.txt', { view: 'killed' }, 80],
  ['top-slow.txt', { view: 'slow' }, 80],
];

suite('the screen that is kept in', () => {
  for (const [file, model, columns] of rows) {
    test(`${file} is that of the same numbers, and fits`, (context) => {
      const lines = screen(DATA, { ...START, ...model }, { columns, rows: 24, hasColors: false }, NOW_MS);
      assert.equal(lines.length, 24);
      assert.deepEqual(
        lines.filter((line) => widthOf(line) > columns),
        [],
      );
      context.assert.fileSnapshot(`${lines.join('\n')}\n`, join(import.meta.dirname, file), { serializers: [String] });
    });
  }
});

test('ten thousand containers are drawn as fast as they are asked for, and the marked one is on the screen', () => {
  const containers = Array.from({ length: 10_000 }, (_, at) => ({
    ...WEB,
    container_id: `id-${at}`,
    container_name: `c-${at}`,
  }));
  const data = { ...DATA, answer: { ...ANSWER, containers } };
  const lines = screen(
    data,
    { ...START, sort: 'name', marked: 'id-5000' },
    { columns: 100, rows: 24, hasColors: false },
    NOW_MS,
  );
  assert.ok(lines.some((line) => line.startsWith('c-5000 ')));
});
