/** Slow operations as a whole Floatie tells of them: the log, /slow and OTLP say the same. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';

const SLOW_US = 50_000;
/** 255 bytes: as long as a name can be. */
const NAME = `'open."\\n\\\\\\xe2\\x80\\xa8\\xff' + 'x'.repeat(242)`;
const TOLD = `/open."\uFFFD\\\uFFFD\uFFFD${'x'.repeat(242)}/file`;

suite('slow operations', { skip: missing('root', 'btf', 'fuse') }, () => {
  test('with names of any bytes are the same valid records in the log, at /slow and at the collector', {
    timeout: 300_000, // the collector may have to be built
  }, async () => {
    await using collector = await createCollector();
    await collector.start();
    await using slow = await mountSlow([SLOW_US]);
    using overlay = mountOverlay(slow.path);
    await using cgroup = createCgroup('slow');
    const settings = [`exporters.otlp.endpoint=${collector.endpoint}`, `receivers.overlayfs.slow_ms=${SLOW_US / 2000}`];
    // What others do on this machine is none of this test's.
    settings.push(`kernel.cgroup=${cgroup.name}`);
    await using floatie = await startFloatie(settings.flatMap((setting) => ['--set', setting]));
    const open = `require('node:fs').openSync(Buffer.concat([Buffer.from(${NAME}, 'latin1'), Buffer.from('/file')]))`;
    cgroup.run('sh', '-c', 'cd "$1" && exec "$2" -e "$3"', 'sh', overlay.path, process.execPath, open);

    const record = await eventually('the open is at /slow', async () => {
      const response = await fetch(new URL('/slow', floatie.url));
      const { records } = (await response.json()) as { records: Record<string, unknown>[] };
      return records.find(({ op, path }) => op === 'open' && path === TOLD);
    });
    assert.equal(record.cgroup, cgroup.name);
    assert.ok(Number(record.duration_us) >= SLOW_US, `${record.duration_us}`);
    const arrived = await eventually('the open is at the collector', () =>
      collector.logRecords('floatie.overlayfs.slow').find(({ attributes }) => attributes.path === TOLD),
    );
    const { time, ...fields } = record;
    assert.deepEqual(
      arrived.attributes,
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)])),
    );
    assert.equal(floatie.log.filter(({ message }) => message === 'Slow operation').length, 1);
    assert.ok(floatie.log.every(({ level }) => level !== 'raw'));
  });
});
