/** What is drawn at a time is where that time is, though steps are of different lengths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stack } from '../../src/page/chart.ts';

/** Where the mark of a kill is, in steps from the left; undefined: it has none. */
function placeOf(ageMs: number, steps: { agesMs: readonly number[]; beginMs: number }): number | undefined {
  const series = [{ name: 'usage', color: 'device', values: steps.agesMs.map(() => 1) }];
  const marks = [{ ageMs, text: 'A kill' }];
  const { text } = stack({ title: 'Memory', summary: '', series, marks, format: String, ...steps });
  const place = /class="mark" d="M([\d.]+)/.exec(text)?.[1];
  return place === undefined ? undefined : Number(place);
}

test('a kill is marked in the step in which it was, also in the first and in a short last one', () => {
  const steps = { agesMs: [12_000, 2000, 0], beginMs: 22_000 };
  const places = [23_000, 22_000, 17_000, 12_000, 7000, 2000, 1000, 0, -1].map((ageMs) => placeOf(ageMs, steps));
  assert.deepEqual(places, [undefined, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3]);
});

test('a kill is marked while the only step goes on', () => {
  assert.equal(placeOf(1000, { agesMs: [0], beginMs: 4000 }), 0.75);
});
