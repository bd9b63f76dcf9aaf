/** What the page shows, to the byte. `npm run golden` writes it anew. */
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type View, view } from '../../src/page/view.ts';
import { flatten } from '../../src/records/encode.ts';
import { ANSWER, TIME, WEB } from '../support/containers-answer.ts';
import { oomRecord } from '../support/records.ts';

const kill = flatten(
  oomRecord({
    time: '2026-01-02T03:02:00.000Z',
    cgroup: WEB.cgroup,
    ...({ 'container.id': WEB.container_id, 'container.name': 'web-1', 'victim.comm': 'tail' } as object),
    explanation: 'Its own limit was full',
  }),
);

const LIST: View = {
  answer: ANSWER,
  events: new Map([['/oom', [kill]]]),
  readiness: {
    ready: true,
    probes: [
      { probe: 'overlayfs', attached: true, method: 'syscall', unmeasured: [{ ops: ['lookup'], reason: 'not seen' }] },
      { probe: 'oom', attached: false, method: 'none', reason: 'no tracepoint' },
    ],
    failing: [{ job: 'read /proc/pressure', reason: 'EIO' }],
  },
  route: { container: null, sort: 'worst', filter: '' },
  nowMs: Date.parse(TIME) + 3000,
  isLive: true,
};

const rows: [file: string, view: View][] = [
  ['live-page-list.html', LIST],
  ['live-page-detail.html', { ...LIST, route: { ...LIST.route, container: WEB.container_id ?? null } }],
  ['live-page-gone.html', { ...LIST, route: { ...LIST.route, container: 'nobody' } }],
];

suite('the page that is kept in', () => {
  for (const [file, given] of rows) {
    test(`${file} is that of the same numbers`, (context) => {
      // One element a line, so that a difference can be read.
      const text = view(given).text.replaceAll('><', '>\n<');
      context.assert.fileSnapshot(`${text}\n`, join(import.meta.dirname, file), { serializers: [String] });
    });
  }
});
