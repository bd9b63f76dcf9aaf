import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cgroupFilter } from '../../src/containers/filter.ts';

suite('which cgroups get series', () => {
  const rows: [string, string[], string[], Record<string, boolean>][] = [
    ['all without patterns', [], [], { '/': true, '/a/b': true }],
    ['only those that are included', ['/kubepods*'], [], { '/kubepods.slice/a': true, '/system.slice/a': false }],
    ['not those that are excluded', [], ['/system.slice/*'], { '/system.slice/a/b': false, '/system.slice': true }],
    ['not those that are both', ['/a*'], ['/a/b'], { '/a/b': false, '/a/c': true }],
    [
      'one of several patterns is enough',
      ['/a', '/b?'],
      ['*x'],
      { '/a': true, '/b1': true, '/b': false, '/bx': false },
    ],
    ['what could not be named, since it could be of any', ['/a'], ['*'], { unknown: true }],
  ];
  for (const [name, include, exclude, expected] of rows) {
    test(name, () => {
      const filter = cgroupFilter({ include, exclude });
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((path) => [path, filter(path)])), expected);
    });
  }
});
