/** The page of a real Floatie, and what it loads. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';

/** Nothing that needs a privilege. */
const ARGS = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];

suite('the page of a running Floatie', () => {
  test('and all that it loads and asks for is answered, by Floatie alone and without code in it', async () => {
    await using floatie = await startFloatie(ARGS);
    const page = await fetch(new URL('/', floatie.url));
    assert.equal(page.status, 200);
    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    const text = await page.text();
    assert.doesNotMatch(
      text,
      /<script(?! src="\/page\.js" defer><)|<style|\son\w+=|\sstyle=|(?:src|href)="(?:https?:|\/\/)/,
    );
    const loaded = [...text.matchAll(/ (?:src|href)="(\/[^"]*)"/g)].map(([, path = '']) => path);
    assert.ok(loaded.includes('/page.js') && loaded.includes('/api/v1/containers'), loaded.join());
    for (const path of loaded) assert.equal((await fetch(new URL(path, floatie.url))).status, 200, path);
  });

  test('does not get again what has not changed', async () => {
    await using floatie = await startFloatie(ARGS);
    for (const path of ['/api/v1/containers', '/oom']) {
      const url = new URL(path, floatie.url);
      // A step of the history may end in between.
      await eventually(`${path} is answered by 304`, async () => {
        const tag = (await fetch(url)).headers.get('etag') ?? '';
        return (await fetch(url, { headers: { 'if-none-match': tag } })).status === 304;
      });
    }
  });
});
