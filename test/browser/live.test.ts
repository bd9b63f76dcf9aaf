/** The page in a real browser, of a Floatie that measures real containers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { quantile } from '../../src/history/durations.ts';
import type { Containers } from '../../src/history/schema.ts';
import { bytes, micros, seconds } from '../../src/page/format.ts';
import { openTab, startBrowser } from '../support/browser.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';

/** How long a read of the slow filesystem takes, in µs. */
const READ_US = 20_000;
/** The kernel keeps 15 bytes of a name. */
const HOSTILE = '<i>\u202e"&\'x';

const identity = (): string => randomBytes(32).toString('hex');

/** What the page shows of an operation, from a scrape. */
async function shownOf(floatie: Floatie, op: 'read' | 'write', id: string) {
  const scrape = await floatie.scrape();
  const own = { container_id: id };
  const buckets = scrape
    .select(`floatie_overlayfs_${op}_latency_us_bucket`, own)
    .toSorted(
      (a, b) => Number(a.labels.le?.replace('+Inf', 'Infinity')) - Number(b.labels.le?.replace('+Inf', 'Infinity')),
    );
  const counts = buckets.map(({ value }, at) => value - (buckets[at - 1]?.value ?? 0));
  return {
    p50: micros(quantile(counts, 0.5)),
    p99: micros(quantile(counts, 0.99)),
    waited: seconds(scrape.sum(`floatie_overlayfs_${op}_latency_us_sum`, own) / 1e6),
    moved: bytes(scrape.sum('floatie_overlayfs_bytes_total', { ...own, op })),
    errors: String(scrape.sum('floatie_overlayfs_errors_total', { ...own, op })),
  };
}

suite('the page of a real Floatie', { skip: missing('root', 'btf', 'fuse', 'programs') }, () => {
  test('shows a container under load at the top, what it waits for, and a kill as it happens', async (context) => {
    const [busyId, idleId] = [identity(), identity()];
    await using slow = await mountSlow([READ_US]);
    using overlay = mountOverlay(slow.path);
    await using busy = createCgroup('busy', `libpod-${busyId}`);
    await using idle = createCgroup('idle', `libpod-${idleId}`);
    for (const cgroup of [busy, idle]) limit(cgroup, 64);
    await using floatie = await startFloatie();
    const url = new URL('/', floatie.url).href;
    await using browser = await startBrowser();
    const { page, problems } = await openTab(browser, url);
    await page.getByRole('link', { name: idleId.slice(0, 12) }).waitFor();

    const beganMs = performance.now();
    const command = `while :; do dd if=${join(overlay.path, 'slow')} of=/dev/null bs=4k count=20 || exit; done`;
    const load = spawn(...busy.wrap('sh', '-c', command), { stdio: 'ignore' });
    try {
      const first = page
        .locator('#list tbody tr')
        .first()
        .filter({ hasText: busyId.slice(0, 12) });
      await first.locator('td').first().filter({ hasText: 'remote' }).waitFor();
      context.diagnostic(`the load is on the page after ${Math.round(performance.now() - beganMs)} ms`);
    } finally {
      load.kill('SIGKILL');
      await once(load, 'exit');
    }

    const child = hog(idle, HOSTILE, 128);
    await once(child, 'exit');
    const killedMs = performance.now();
    const kill = page
      .locator('#kills')
      .getByRole('listitem')
      .filter({ hasText: idleId.slice(0, 12) });
    await kill.first().waitFor();
    context.diagnostic(`the kill is on the page after ${Math.round(performance.now() - killedMs)} ms`);
    assert.match((await kill.first().textContent()) ?? '', /<i>\\u202e"&'x .*was killed\. \S/);
    assert.equal(await page.locator('#main i').count(), 0);
    await page
      .locator('#list tbody tr', { hasText: idleId.slice(0, 12) })
      .getByText('1', { exact: true })
      .waitFor();

    await kill.first().getByRole('link').click();
    await page.locator('svg .mark').waitFor({ state: 'attached' });
    assert.deepEqual(problems, []);
  });

  test('has the values of a scrape', async () => {
    const id = identity();
    using overlay = mountOverlay();
    await using cgroup = createCgroup('values', `libpod-${id}`);
    limit(cgroup, 64);
    await using floatie = await startFloatie();
    const url = new URL('/', floatie.url).href;
    await using browser = await startBrowser();
    const { page, problems } = await openTab(browser, `${url}#container=${id}`);
    const file = join(overlay.path, 'file');
    cgroup.run('dd', 'if=/dev/zero', `of=${file}`, 'bs=4k', 'count=300');
    cgroup.run('dd', `if=${file}`, 'of=/dev/null', 'bs=4k');
    for (const op of ['read', 'write'] as const) {
      const row = page.locator('#operations tbody tr', { has: page.getByRole('rowheader', { name: op, exact: true }) });
      await eventually(`the page has the ${op}s of a scrape`, async () => {
        const { p50, p99, waited, moved, errors } = await shownOf(floatie, op, id);
        const [, ...cells] = await row.locator('td').allTextContents();
        return cells.slice(0, 5).join() === [p50, p99, waited, moved, errors].join() && p50 !== '–';
      });
    }
    await page.goto(url);
    const answer = (await (await fetch(new URL('/api/v1/containers?steps=0', url))).json()) as Containers;
    assert.ok(answer.containers.some(({ container_id }) => container_id === id));
    const headroom = page
      .locator('#list tbody tr', { hasText: id.slice(0, 12) })
      .locator('td')
      .nth(5);
    await eventually('the page has the headroom of a scrape', async () => {
      const value = (await floatie.scrape()).sum('floatie_memory_headroom_bytes', { container_id: id });
      return (await headroom.textContent()) === `${bytes(value)}of ${bytes(64 << 20)}`;
    });
    assert.deepEqual(problems, []);
  });
});
