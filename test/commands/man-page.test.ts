import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { MAN_PAGE, manPage } from '../../scripts/man-page.ts';
import { COMMANDS } from '../../src/commands/arguments.ts';
import { flags } from '../../src/commands/flags.ts';
import { writable } from '../../src/config/writable.ts';

suite('the manual page', () => {
  const page = readFileSync(MAN_PAGE, 'utf8');

  test('is that of the code (npm run docs writes it)', () => assert.equal(page, manPage()));

  test('has every command, flag and key', () => {
    const names = [...COMMANDS, ...flags.map(([name]) => `--${name}`), ...writable];
    const items = page.split('\n').flatMap((line, at, lines) => (lines[at - 1] === '.TP' ? [line] : []));
    const without = names.filter((name) => {
      const item = `.B ${name.replaceAll('-', '\\-')}`;
      return !items.some((line) => line === item || (/^[ =,]/.test(line.slice(item.length)) && line.startsWith(item)));
    });
    assert.deepEqual(without, []);
  });
});
