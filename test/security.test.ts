/** What SECURITY.md names is there: tests, and constants and settings that bound something. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('SECURITY.md');
const code = globSync(['src/**/*.ts', 'bpf/*.[ch]'], { cwd: ROOT }).map(read).join('\n');
const schema = JSON.parse(read('config/floatie.schema.json'));

suite('SECURITY.md', () => {
  test('links to files that exist', () => {
    const links = [...page.matchAll(/\]\(([^#)]+)\)/g)].map(([, path = '']) => path);
    assert.ok(links.length > 20);
    assert.deepEqual(
      links.filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
  });

  test('names constants that the code has', () => {
    const names = [...page.matchAll(/`([A-Z]+_[A-Z_]+)`/g)]
      .map(([, name = '']) => name)
      .filter((name) => !OF_OTHERS.has(name));
    assert.ok(names.length > 10);
    assert.deepEqual(
      names.filter((name) => !new RegExp(`(const|define) ${name}\\b`).test(code)),
      [],
    );
  });

  test('names settings that exist', () => {
    const keys = [...page.matchAll(/`((?:kernel|receivers|exporters|containers|views|service)\.[a-z_.]+)`/g)];
    assert.ok(keys.length > 3);
    for (const [, key = ''] of keys) if (!key.startsWith('kernel.yama')) assert.ok(settingOf(key), key);
  });

  test('names metrics that are explained', () => {
    const explained = read('docs/metrics.md');
    for (const [metric] of page.matchAll(/floatie_[a-z_]+_total/g)) assert.ok(explained.includes(metric), metric);
  });
});

/** Variables of Node and of the loader; capabilities. */
const OF_OTHERS = new Set(['NODE_OPTIONS', 'LD_PRELOAD', 'OPENSSL_CONF', 'SYS_ADMIN', 'SYS_PTRACE']);

function settingOf(key: string): unknown {
  let at = schema;
  for (const part of key.split('.')) {
    const next = at?.properties?.[part];
    at = next?.$ref === undefined ? next : schema.definitions[next.$ref.replace('#/definitions/', '')];
  }
  return at;
}
