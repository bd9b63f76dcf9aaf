/** Debian's Chromium, without a screen. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const PATH = '/usr/bin/chromium';
/** How long to wait for what a page shall show, in ms. */
const TIMEOUT_MS = 20_000;

export interface Tab {
  readonly page: Page;
  /** What the console said that is no information, and errors that no code caught. */
  readonly problems: readonly string[];
  /** All that was asked for, as URLs. */
  readonly asked: readonly string[];
}

export function startBrowser(): Promise<Browser> {
  // Chromium's sandbox does not start as root; it loads nothing here but Floatie's own page.
  return chromium.launch({ executablePath: PATH, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export async function openTab(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const problems: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(url);
  return { page, problems, asked };
}
