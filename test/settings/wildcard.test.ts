import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isWithin, matches, overlap } from '../../src/settings/wildcard.ts';

suite('two patterns', () => {
  const rows: [string, string, boolean][] = [
    ['/a', '/a', true],
    ['/a', '/b', false],
    ['', '', true],
    ['', '*', true],
    ['', '?', false],
    ['/a*', '*b', true],
    ['/a*', '/b*', false],
    ['/a?', '/a', false],
    ['/a?', '/?b', true],
    ['*a*', '*b*', true],
    ['a*b', 'a?', true],
    ['a**', '*?', true],
    ['/kubepods*', '/system.slice/*', false],
  ];
  for (const [a, b, expected] of rows) {
    test(`"${a}" and "${b}" ${expected ? 'have' : 'do not have'} a text in common`, () => {
      assert.deepEqual([overlap(a, b), overlap(b, a)], [expected, expected]);
    });
  }

  test('have one in common wherever some text of three letters says so', () => {
    const letters = ['a', 'b', '*', '?'];
    const words = (alphabet: string[], most: number): string[] =>
      most === 0 ? [''] : ['', ...words(alphabet, most - 1).flatMap((rest) => alphabet.map((letter) => letter + rest))];
    const patterns = [...new Set(words(letters, 3))];
    const texts = [...new Set(words(['a', 'b', 'c'], 5))];
    const matched = patterns.map((pattern) => new Set(texts.filter((text) => matches(pattern, text))));
    for (const [i, a] of patterns.entries()) {
      for (const [j, b] of patterns.entries()) {
        const common = matched[i]?.intersection(matched[j] ?? new Set()).size ?? 0;
        assert.equal(overlap(a, b), common > 0, `"${a}" and "${b}"`);
        if (isWithin(a, b)) assert.ok(matched[i]?.isSubsetOf(matched[j] ?? new Set()), `"${a}" is within "${b}"`);
      }
    }
  });
});

suite('a pattern is within another one', () => {
  const rows: [string, string, boolean][] = [
    ['/a', '/a', true],
    ['/a', '/*', true],
    ['/a*', '/a*', true],
    ['/a/*', '/a*', true],
    ['/a*', '/a/*', false],
    ['*', '/a', false],
    ['/a?', '/a*', true],
    ['/a?', '/a?', true],
  ];
  for (const [a, b, expected] of rows) test(`${a}, ${b}: ${expected}`, () => assert.equal(isWithin(a, b), expected));
});
