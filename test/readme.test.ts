/** What the README says is so. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readmeWithTables } from '../scripts/readme.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const readme = readFileSync(README, 'utf8');

test('the tables in the README are those of the code (npm run docs writes them)', () => {
  assert.equal(readme, readmeWithTables());
});

test('a README without a place for a table is refused', () => {
  assert.throws(
    () => readmeWithTables(readme.replace('<!-- metrics -->', '')),
    /lacks the markers of the table "metrics"/,
  );
});

test('every npm command in the README exists', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const commands = readme.matchAll(/npm (?:run )?(start|test|bench|docs|test:\w+|build)\b/g);
  for (const [text, name = ''] of commands) assert.ok(Object.hasOwn(scripts, name), text);
});

test('every file the README links to exists', () => {
  for (const [, target = ''] of readme.matchAll(/\]\(((?!https?:)[^)#]+)(?:#[^)]*)?\)/g)) {
    assert.ok(existsSync(fileURLToPath(new URL(`../${target}`, import.meta.url))), target);
  }
});
