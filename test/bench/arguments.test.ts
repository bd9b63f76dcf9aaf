import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseArguments } from '../../bench/arguments.ts';

const parse = (...args: string[]) => parseArguments(args, ['start', 'memory', 'scrape']);

suite('the command line of the benchmarks', () => {
  test('runs all parts unless some are named', () => {
    assert.deepEqual(parse().parts, ['start', 'memory', 'scrape']);
    assert.deepEqual(parse('scrape', 'start').parts, ['start', 'scrape']);
  });

  test('refuses a part that there is not, and names those that there are', () => {
    assert.throws(() => parse('stat'), /no part "stat": the parts are start, memory, scrape$/);
  });

  for (const [args, json, parts] of [
    [[], undefined, 3],
    [['--json'], '-', 3],
    [['--json', 'results.json'], 'results.json', 3],
    [['--json=results.json'], 'results.json', 3],
    [['--json', 'start'], '-', 1],
    [['start', '--json', '--quick'], '-', 1],
  ] as const) {
    test(`writes JSON to ${json} with ${args.join(' ') || 'no argument'}`, () => {
      const options = parse(...args);
      assert.equal(options.json, json);
      assert.equal(options.parts.length, parts);
    });
  }

  test('measures any number of other checkouts', () => {
    assert.deepEqual(parse('--beside', '../a', '--beside', '../b', 'start').beside, ['../a', '../b']);
  });
});
