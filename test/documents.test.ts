/** What the documents say is so. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pagesWithTables, readPages } from '../scripts/readme.ts';
import { load } from '../src/config/load.ts';
import { folder } from './support/peers.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const pages = globSync(['*.md', 'docs/*.md', 'examples/*/README.md'], { cwd: ROOT }).sort();

test('the README can be read in one go: 200 lines at most', () => {
  const lines = read('README.md').trimEnd().split('\n').length;
  assert.ok(lines <= 200, `${lines} lines`);
});

test('the README leads to every page of docs', () => {
  const links = [...read('README.md').matchAll(/\]\((docs\/[^)#]+\.md)/g)].map(([, page]) => page);
  assert.deepEqual(
    pages.filter((page) => page.startsWith('docs/') && !links.includes(page)),
    [],
  );
});

test('the tables in the README and docs/ are those of the code (npm run docs writes them)', () => {
  assert.deepEqual(pagesWithTables(), readPages());
});

test('pages without a place for a table are refused', () => {
  const without = [...readPages()].map(([path, text]) => [path, text.replace('<!-- metrics -->', '')] as const);
  assert.throws(() => pagesWithTables(new Map(without)), /lacks the markers of the table "metrics"/);
});

test('two places for a table are refused', () => {
  const twice = new Map([...readPages(), ['docs/other.md', '<!-- metrics -->\n<!-- /metrics -->']]);
  assert.throws(() => pagesWithTables(twice), /The table "metrics" has more than one place/);
});

test('the page on the architecture has a row for every folder of src', () => {
  const rows = [...read('docs/architecture.md').matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm)];
  const named = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  assert.deepEqual(
    readdirSync(join(ROOT, 'src')).filter((name) => !named.includes(name)),
    [],
  );
});

test('every npm command in a document exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  for (const page of pages) {
    const commands = read(page).matchAll(
      /npm (?:run )?(start|test|check|bench|docs|fuzz|format|\w+:\w+|build)\b(?!\/)/g,
    );
    for (const [text, name = ''] of commands) assert.ok(Object.hasOwn(scripts, name), `${page}: ${text}`);
  }
});

for (const page of pages) {
  test(`every place that ${page} links to exists`, () => {
    for (const [, path = '', anchor] of read(page).matchAll(/\]\(((?!https?:)[^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
      assert.ok(existsSync(target), path);
      if (anchor !== undefined) assert.ok(anchors(target).includes(anchor), `${path}#${anchor}`);
    }
    for (const [, path = ''] of read(page).matchAll(/ src="((?!https?:)[^"]+)"/g))
      assert.ok(existsSync(join(ROOT, dirname(page), path)), path);
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

suite('a configuration in a document', () => {
  for (const page of pages) {
    for (const [index, [, yaml = '']] of [...read(page).matchAll(/^```yaml\n(.*?)^```/gms)].entries()) {
      test(`is one: ${page}, number ${index + 1}`, () => {
        using home = folder({ 'floatie.yaml': yaml });
        load({ file: join(home.path, 'floatie.yaml'), env: { TOKEN: 'secret' } });
      });
    }
  }
});

test("the README's Dockerfile is that of the example", () => {
  const [, block = ''] = /^```dockerfile\n(.*?)^```/ms.exec(read('README.md')) ?? [];
  const example = read('examples/embedded/Dockerfile').split('\n');
  const lines = block.split('\n').filter((line) => line !== '');
  assert.ok(lines.length > 5);
  assert.deepEqual(
    lines.filter((line) => !example.includes(line)),
    [],
  );
});

test('the version is the same wherever it stands, and has a section of the changelog', () => {
  const { version } = JSON.parse(read('package.json'));
  assert.equal(JSON.parse(read('package-lock.json')).version, version);
  assert.equal(JSON.parse(read('examples/plugin/package.json')).dependencies.floatie, version);
  assert.match(read('Dockerfile'), new RegExp(`^ARG VERSION=${RegExp.escape(version)}$`, 'm'));
  assert.match(read('CHANGELOG.md'), new RegExp(`^## ${RegExp.escape(version)}$`, 'm'));
});

test('the messages that the page on troubleshooting explains are said', () => {
  const page = read('docs/troubleshooting.md');
  const source = globSync('src/**/*.ts', { cwd: ROOT }).map(read);
  const messages = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message);
  assert.ok(messages.length > 5);
  for (const message of messages)
    assert.ok(
      source.some((text) => text.includes(message)),
      message,
    );
});
