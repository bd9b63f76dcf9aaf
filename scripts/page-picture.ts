/** Photographs the live page in a real browser. */
import { openTab, startBrowser } from '../test/support/browser.ts';

const WIDTH = 1120;

/** @param folder where to put `page.png`, of all containers, and `page-container.png`, of one */
export async function photograph(url: string, container: string, folder: string): Promise<void> {
  await using browser = await startBrowser();
  for (const [file, hash, shown, height] of [
    ['page.png', '', '#list', 580],
    ['page-container.png', `#container=${container}`, '#operations', 748],
  ] as const) {
    const { page } = await openTab(browser, new URL(`/${hash}`, url).href, {
      viewport: { width: WIDTH, height },
      deviceScaleFactor: 1.5,
    });
    // What it is like once it has asked some times.
    for (let answers = 0; answers < 5; answers++) await page.waitForResponse(/\/api\/v1\/containers/);
    await page.locator(shown).waitFor();
    await page.screenshot({ path: `${folder}/${file}` });
  }
}
