/** A program that waits for its files: Floatie's counts beside bpftrace, which sees all its calls. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { createPidNamespace } from '../support/pid-namespace.ts';
import { missing } from '../support/requirements.ts';
import { commitRows, compareWaits, countedBy, EVERY_OPERATION, startObserver } from '../support/waits.ts';

suite('what people wait for', { skip: missing('root', 'btf', 'x86', 'bpftrace', 'pid namespaces') }, () => {
  test('of SQLite with a commit a row Floatie shows what its calls of overlayfs took', async (context) => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('waits');
    await using namespace = await createPidNamespace();
    await using floatie = await startFloatie(EVERY_OPERATION);
    await using observer = await startObserver(namespace.inum);
    const rows = 200;
    cgroup.run(...namespace.enter, process.execPath, '-e', commitRows(join(overlay.path, 'rows'), rows));
    const counted = countedBy(await floatie.scrape(), { cgroup: cgroup.name });
    const { share, lines } = compareWaits(await observer.end(), counted);
    for (const line of lines) context.diagnostic(line);
    assert.ok(share >= 0.95, `${share}`);
    assert.ok((counted.get('sync')?.count ?? 0) >= rows);
  });
});
