/** What the README says is so. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pagesWithTables, readPages } from '../scripts/readme.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

test('the tables in the README and docs/ are those of the code (npm run docs writes them)', () => {
  assert.deepEqual(pagesWithTables(), readPages());
});

test('pages without a place for a table are refused', () => {
  const pages = [...readPages()].map(([path, text]) => [path, text.replace('<!-- metrics -->', '')] as const);
  assert.throws(() => pagesWithTables(new Map(pages)), /lacks the markers of the table "metrics"/);
});

test('two places for a table are refused', () => {
  const pages = new Map([...readPages(), ['docs/other.md', '<!-- metrics -->\n<!-- /metrics -->']]);
  assert.throws(() => pagesWithTables(pages), /The table "metrics" has more than one place/);
});

test('every npm command in the README exists', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const commands = readme.matchAll(/npm (?:run )?(start|test|bench|docs|test:\w+|build)\b/g);
  for (const [text, name = ''] of commands) assert.ok(Object.hasOwn(scripts, name), text);
});

for (const page of ['README.md', ...globSync(['docs/*.md', 'examples/*/README.md'], { cwd: ROOT })]) {
  test(`every place that ${page} links to exists`, () => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    for (const [, path = '', anchor] of text.matchAll(/\]\(((?!https?:)[^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
      assert.ok(existsSync(target), path);
      if (anchor !== undefined) assert.ok(anchors(target).includes(anchor), `${path}#${anchor}`);
    }
  });
}

/** As GitHub makes them of headings. */
function anchors(page: string): string[] {
  const headings = readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('the messages that the page on troubleshooting explains are said', () => {
  const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');
  const source = globSync('src/**/*.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const messages = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message);
  assert.ok(messages.length > 5);
  for (const message of messages)
    assert.ok(
      source.some((text) => text.includes(message)),
      message,
    );
});
