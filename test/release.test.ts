import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Checkout, releaseProblems } from '../scripts/release-problems.ts';

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{"version":"1.2.3"}',
  'package-lock.json': '{"version":"1.2.3"}',
  'examples/plugin/package.json': '{"dependencies":{"floatie":"1.2.3"}}',
  Dockerfile: 'FROM scratch\nARG VERSION=1.2.3\n',
  'CHANGELOG.md': '# Changelog\n\n## 1.2.3\n\n### Added\n\n## 1.2.2\n',
};

function checkout(files: Readonly<Record<string, string>> = {}, more: Partial<Checkout> = {}): Checkout {
  const all = { ...FILES, ...files };
  return { read: (path) => all[path] ?? assert.fail(path), changed: [], tagged: '', commit: 'c'.repeat(40), ...more };
}

suite('a commit', () => {
  test('can be released when all of it has the version', () => {
    assert.deepEqual(releaseProblems('1.2.3', checkout()), []);
  });

  test('can be released again, for the same bytes', () => {
    assert.deepEqual(releaseProblems('1.2.3', checkout({}, { tagged: 'c'.repeat(40) })), []);
  });

  const rows: [string, Checkout, RegExp][] = [
    [
      'with changes',
      checkout({}, { changed: [' M src/main.ts'] }),
      /^1 files are not committed, such as " M src\/main.ts"$/,
    ],
    [
      'whose tag is elsewhere',
      checkout({}, { tagged: 'd'.repeat(40) }),
      /^v1\.2\.3 is the tag of d{12}; a tag never moves/,
    ],
    [
      'of another package',
      checkout({ 'package.json': '{"version":"1.2.2"}' }),
      /^package\.json has the version 1\.2\.2/,
    ],
    ['of another lock', checkout({ 'package-lock.json': '{}' }), /^package-lock\.json has the version undefined/],
    ['of another image', checkout({ Dockerfile: 'ARG VERSION=1.2.30\n' }), /^Dockerfile has the version 1\.2\.30/],
    [
      'whose changes are unreleased',
      checkout({ 'CHANGELOG.md': '## Unreleased\n\n## 1.2.3\n' }),
      /CHANGELOG\.md is "Unreleased"/,
    ],
  ];
  for (const [name, made, expected] of rows) {
    test(`cannot be released ${name}`, () => {
      const problems = releaseProblems('1.2.3', made);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', expected);
    });
  }

  for (const version of ['', 'v1.2.3', '1.2', '1.2.3-rc1', '01.2.3', '1.2.3 ']) {
    test(`cannot be released as "${version}"`, () => {
      assert.deepEqual(releaseProblems(version, checkout()), [
        'its version must look like 1.2.3: npm run release -- 1.2.3',
      ]);
    });
  }
});
