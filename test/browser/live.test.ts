/** The page in a real browser, of a Floatie that measures real containers. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Containers } from '../../src/history/schema.ts';
import { openTab, startBrowser } from '../support/browser.ts';
import { startFloatie } from '../support/floatie.ts';
import { BASE, podman, podmanEnv, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

/** Reads and writes without a pause. */
const BUSY =
  'while :; do dd if=/dev/zero of=/f bs=4k count=2000 status=none; dd if=/f of=/dev/null bs=4k status=none; done';
const NAMES = ['busy', 'idle', 'hog'].map((name) => `floatie-page-${name}`);
/** How long a step of the history is, with what a busy machine takes besides, in ms. */
const STEP_MS = 40_000;

suite('the page of a real Floatie', { skip: missing('root', 'btf', 'programs') }, () => {
  test('shows a container under load above an idle one, with the numbers of the API, and a kill at once', async () => {
    const { CONTAINERS_STORAGE_CONF = '' } = podmanEnv();
    await using floatie = await startFloatie(['--set', 'containers.names=true'], { env: { CONTAINERS_STORAGE_CONF } });
    const url = new URL('/', floatie.url).href;
    await using browser = await startBrowser();
    const { page, problems } = await openTab(browser, url);
    podman('rm', '--force', '--ignore', '--time', '0', ...NAMES);
    using busy = startContainer('--name', 'floatie-page-busy', '--network=none', BASE, 'sh', '-c', BUSY);
    using idle = startContainer('--name', 'floatie-page-idle', '--network=none', BASE, 'sleep', '1000');
    const row = page.locator('#list tbody tr', { hasText: 'floatie-page-busy' });
    const after = page.locator('#list tbody tr:has-text("floatie-page-busy") ~ tr', { hasText: 'floatie-page-idle' });
    await after.waitFor({ timeout: STEP_MS });
    assert.doesNotMatch((await row.locator('td').first().textContent()) ?? '', /^0 %/);

    using hog = startContainer('--name', 'floatie-page-hog', '-m', '64m', '--network=none', BASE, 'tail', '/dev/zero');
    const kill = page.getByRole('listitem').filter({ hasText: 'was killed' }).filter({ hasText: 'floatie-page-hog' });
    await kill.first().waitFor();
    assert.match((await kill.first().textContent()) ?? '', /tail .*was killed\. .*\S/);

    await page.goto(`${url}#container=${busy.id}`);
    await page.getByRole('heading', { name: 'floatie-page-busy' }).waitFor();
    const answer = (await (await fetch(new URL('/api/v1/containers', url))).json()) as Containers;
    const own = answer.containers.find(({ container_id }) => container_id === busy.id);
    const operations = own?.operations.map(({ op }) => op) ?? [];
    assert.ok(operations.includes('read') && operations.includes('write'), operations.join());
    for (const op of operations) await page.getByRole('rowheader', { name: op, exact: true }).first().waitFor();
    assert.notEqual(hog.id, idle.id);
    assert.deepEqual(problems, []);
  });
});
