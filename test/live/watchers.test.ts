/** Several who look at the page at once. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { startWatchers } from '../support/watchers.ts';

/** Nothing that needs a privilege. */
const ARGS = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];

suite('five who look at the page', () => {
  test('cost one reading of the counts a second in all, and get the same answers', async () => {
    await using floatie = await startFloatie(ARGS);
    const began = performance.now();
    await using watchers = startWatchers(floatie.url, 5, 1);
    await eventually('they have five answers', () => watchers.answers >= 5);
    const elapsedS = (performance.now() - began) / 1000;
    assert.ok(watchers.answers <= elapsedS + 2, `${watchers.answers} in ${elapsedS} s`);
    assert.equal(watchers.failures, 0);
  });
});
