/** The page in a real browser, with numbers that stay the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.ts';
import { container, HOSTILE, LONG, operation, WEB } from '../support/containers-answer.ts';
import { type FixedFloatie, killOf, startFixedFloatie } from '../support/fixed-floatie.ts';

const PHONE = { width: 375, height: 700 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
let floatie: FixedFloatie;
before(async () => {
  browser = await startBrowser();
  floatie = await startFixedFloatie();
});
// A page asks each second for as long as it is open.
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));
after(async () => {
  await browser.close();
  await floatie[Symbol.asyncDispose]();
});

/** The names in the table, from the top. */
const names = (page: Page): Promise<string[]> => page.locator('#list tbody th a').allTextContents();

/** Waits for the script: it shows the filter. */
async function open(path = '/', options = {}) {
  const tab = await openTab(browser, `${floatie.url}${path}`, options);
  await tab.page.locator('#main a').first().waitFor();
  return tab;
}

suite('the page in a browser', () => {
  test('shows containers worst first, has no error, and asks only Floatie for anything', async () => {
    const { page, problems, asked } = await open();
    assert.deepEqual((await names(page)).slice(0, 2), ['killed', 'web-1']);
    // It has asked again by then.
    await page.waitForRequest(/\/api\/v1\/containers/);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(`${floatie.url}/`) && url !== 'data:,'),
      [],
    );
  });

  test('sorts by a column, and keeps that over a reload and going back', async () => {
    const { page } = await open();
    await page.getByRole('link', { name: 'Waits' }).click();
    await page.locator('th[aria-sort=descending]', { hasText: 'Waits' }).waitFor();
    assert.equal((await names(page))[0], 'web-1');
    await page.reload();
    await page.locator('th[aria-sort=descending]', { hasText: 'Waits' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'worst first' }).waitFor();
    assert.equal((await names(page))[0], 'killed');
  });

  test('filters by a part of the name, and keeps that over a reload', async () => {
    const { page } = await open();
    await page.getByLabel('Filter by name').fill('WEB');
    await page.locator('#list tbody tr').nth(1).waitFor({ state: 'detached' });
    assert.deepEqual(await names(page), ['web-1']);
    await page.reload();
    await page.locator('#controls').waitFor();
    await page.locator('#list tbody tr').nth(1).waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('Filter by name').inputValue(), 'WEB');
  });

  test('shows one container: its charts, each as a table, too, and its kills; and goes back', async () => {
    const { page, problems } = await open();
    await page.locator('#list').getByRole('link', { name: 'web-1' }).click();
    await page.getByRole('heading', { name: 'web-1' }).waitFor();
    const charts = page.getByRole('img');
    assert.deepEqual(
      await charts.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')?.split(':')[0])),
      ['Where the time went', 'Latency', 'How long each read took', 'How long each sync took', 'Memory'],
    );
    await page.getByText('Memory as a table').click();
    await page.getByRole('cell', { name: '18 MiB', exact: true }).waitFor();
    // What is open stays open when numbers come.
    await page.waitForResponse(/\/oom/);
    await page.waitForResponse(/\/oom/);
    assert.ok(await page.getByRole('cell', { name: '18 MiB', exact: true }).isVisible());
    await page.getByRole('listitem').filter({ hasText: 'tail was killed. Its own limit of 64 MiB was full' }).waitFor();
    await page.goBack();
    await page.locator('#list').waitFor();
    assert.deepEqual(problems, []);
  });

  test('shows a new kill, and a container that is new, without a reload', async () => {
    const { page } = await open();
    floatie.records = [...floatie.records, killOf('web-1', WEB.container_id ?? '', 0, 'The second time')];
    const before = floatie.answer;
    const busy = container('busy-1', { operations: [operation('sync', 9, 99, 9)], oom_kills_5m: 9 });
    floatie.answer = { ...before, containers: [...before.containers, busy] };
    await page.getByRole('listitem').filter({ hasText: 'tail was killed. The second time' }).waitFor();
    await page.locator('#list tbody tr:first-child', { hasText: 'busy-1' }).waitFor();
    floatie.answer = before;
    floatie.records = floatie.records.slice(0, 1);
  });

  test('shows that Floatie measures no more, without a reload', async () => {
    await using other = await startFixedFloatie();
    const { page } = await openTab(browser, other.url);
    await page.getByText('Floatie measures all that it was told to.').waitFor();
    other.readiness = { ...other.readiness, ready: false };
    await page.getByText('Floatie is not measuring.').waitFor();
  });

  test('shows hostile names as text, and those of 4 kB on a phone', async () => {
    await using other = await startFixedFloatie();
    other.answer = { ...other.answer, containers: [...other.answer.containers, container(LONG)] };
    const { page, problems } = await openTab(browser, other.url, { viewport: PHONE });
    await page.locator('#list').getByRole('link', { name: LONG }).waitFor();
    assert.ok((await names(page)).includes(HOSTILE.replace('\u202e', '\\u202e').replace('\u001b', '\\u001b')));
    assert.equal(await page.locator('#main img, #main script').count(), 0);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), PHONE.width);
    assert.deepEqual(problems, []);
  });

  test('says when Floatie does not answer any more, and keeps the last numbers', async () => {
    const other = await startFixedFloatie();
    const { page } = await openTab(browser, other.url);
    await page.locator('#controls').waitFor();
    await other[Symbol.asyncDispose]();
    await page.getByRole('status').filter({ hasText: 'does not answer' }).waitFor();
    assert.equal((await names(page)).length, 4);
  });

  test('has a table also without a script', async () => {
    const { page } = await openTab(browser, floatie.url, { javaScriptEnabled: false });
    assert.equal(await page.locator('#list tbody tr').count(), 4);
    assert.ok(await page.getByRole('listitem').filter({ hasText: 'tail was killed' }).isVisible());
  });

  test('fits on a phone', async () => {
    for (const path of ['/', `/#container=${WEB.container_id}`]) {
      const { page } = await open(path, { viewport: PHONE });
      const width = await page.evaluate('document.documentElement.scrollWidth');
      assert.equal(width, PHONE.width, path);
    }
  });

  test('can be used by keyboard alone', async () => {
    const { page } = await open();
    await page.keyboard.press('Tab');
    await page.keyboard.type('web');
    await page.locator('#list tbody tr').nth(1).waitFor({ state: 'detached' });
    const focused = (): Promise<string | null> => page.evaluate('document.activeElement.textContent');
    for (let presses = 0; (await focused()) !== 'web-1'; presses++) {
      assert.ok(presses < 30, 'Tab leads to the container');
      await page.keyboard.press('Tab');
    }
    // The focus stays where it is when numbers come.
    await page.waitForResponse(/\/oom/);
    await page.waitForResponse(/\/oom/);
    assert.equal(await focused(), 'web-1');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'web-1' }).waitFor();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`has nothing that axe finds, ${colorScheme}`, async () => {
      for (const path of ['/', `/#container=${WEB.container_id}`]) {
        const { page } = await open(path, { colorScheme, bypassCSP: true });
        await page.evaluate(AXE);
        const { violations } = (await page.evaluate('axe.run()')) as {
          violations: { id: string; nodes: { html: string }[] }[];
        };
        assert.deepEqual(
          violations.map(({ id, nodes }) => [id, nodes[0]?.html]),
          [],
          path,
        );
      }
    });
  }
});
