import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { receiverNames } from '../src/receivers/index.ts';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

interface Import {
  /** A path below src/ for our own files, else the name of a package. */
  readonly of: string;
  readonly isType: boolean;
  /** Loaded only when it is needed. */
  readonly isDynamic: boolean;
}

const files = globSync('**/*.ts', { cwd: SRC }).sort();
const importsOf = new Map(files.map((file) => [file, readImports(file)]));

function readImports(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const statements = text.matchAll(
    /^(?:import|export)\b(\s+type\b)?[^;'"]*?\bfrom\s+'([^']+)';|^import\s+'([^']+)';/gm,
  );
  const dynamic = text.matchAll(/\bimport\('([^']+)'\)/g);
  return [
    ...Array.from(statements, ([, type, from, bare]) => resolve(file, from ?? bare ?? '', type !== undefined, false)),
    ...Array.from(dynamic, ([, from = '']) => resolve(file, from, false, true)),
  ];
}

function resolve(file: string, from: string, isType: boolean, isDynamic: boolean): Import {
  const of = from.startsWith('.') ? relative(SRC, join(SRC, dirname(file), from)) : from;
  return { of, isType, isDynamic };
}

/** Everything that comes with a file, by way of others, too. */
function reachableFrom(file: string, follow: (step: Import) => boolean = () => true): Set<string> {
  const reached = new Set<string>();
  const visit = (from: string): void => {
    for (const step of importsOf.get(from) ?? []) {
      if (reached.has(step.of) || !follow(step)) continue;
      reached.add(step.of);
      visit(step.of);
    }
  };
  visit(file);
  return reached;
}

/** Every folder and file of src; each may import what is before it. */
const ORDER = [
  ...['program', 'settings', 'native', 'kernel', 'containers', 'metrics', 'records', 'history', 'receivers', 'config'],
  ...['page', 'exporters', 'service', 'commands', 'index.ts', 'main.ts'],
];

function placeOf(file: string): number {
  return ORDER.indexOf(file.split('/')[0] ?? '');
}

suite('imports go one way', () => {
  test('and every one of them is understood by this test', () => {
    const known = [...importsOf.values()].flat().filter(({ of }) => of.endsWith('.ts'));
    assert.deepEqual(
      known.filter(({ of }) => !importsOf.has(of)),
      [],
    );
  });

  test('and this test sees as many as there are', () => {
    const lines = files.flatMap(
      (file) => readFileSync(join(SRC, file), 'utf8').match(/\b(?:from '|import\('|import ')/g) ?? [],
    );
    assert.equal([...importsOf.values()].flat().length, lines.length);
  });

  for (const [place, name] of ORDER.entries()) {
    test(`${name} needs nothing of ${ORDER.slice(place + 1).join(', ') || 'what does not exist'}`, () => {
      const backwards = files
        .filter((file) => placeOf(file) === place)
        .flatMap((file) => (importsOf.get(file) ?? []).map(({ of }) => [file, of] as const))
        .filter(([, other]) => placeOf(other) > place)
        .map(([file, other]) => `${file} → ${other}`);
      assert.deepEqual(backwards, []);
    });
  }

  test('and the order knows every folder and file', () => {
    assert.deepEqual(
      files.filter((file) => placeOf(file) < 0),
      [],
    );
  });

  test('and never in a circle, of types neither', () => {
    const circles = files.filter((file) => reachableFrom(file).has(file));
    assert.deepEqual(circles, []);
  });
});

suite('a receiver', () => {
  const folderOf = (file: string): string | undefined => /^receivers\/([^/]+)\//.exec(file)?.[1];

  test('needs nothing of another one', () => {
    const across = files.flatMap((file) =>
      (importsOf.get(file) ?? [])
        .filter(
          ({ of }) => folderOf(file) !== undefined && folderOf(of) !== undefined && folderOf(of) !== folderOf(file),
        )
        .map(({ of }) => `${file} → ${of}`),
    );
    assert.deepEqual(across, []);
  });

  test('is imported by the list of them alone, but for what the API names', () => {
    const importers = files.filter(
      (file) => folderOf(file) === undefined && importsOf.get(file)?.some(({ of }) => folderOf(of) !== undefined),
    );
    assert.deepEqual(importers, ['receivers/index.ts', 'service/measure.ts']);
  });

  test('is named by no code outside its folder', () => {
    const names = receiverNames.join('|');
    const naming = new RegExp(`(['"\`])(${names})\\1|\\breceivers\\??\\.(${names})\\b`, 'g');
    // A name may be a word that means something else, too; a record of all of them may not.
    const keys = new RegExp(`(?<=^|[{,]|\\s)(${names})\\??:`, 'gm');
    const found = files
      .filter((file) => folderOf(file) === undefined)
      .flatMap((file) => {
        const code = codeOf(file);
        const record = new Set(code.match(keys));
        return [...(code.match(naming) ?? []), ...(record.size > 1 ? record : [])].map((code) => `${file}: ${code}`);
      });
    assert.deepEqual(found, []);
  });
});

/** A file without its comments, and without texts of several words. */
function codeOf(file: string): string {
  const text = readFileSync(join(SRC, file), 'utf8');
  return text.replace(/\/\*[\s\S]*?\*\/|^ *\/\/.*$|'(?:[^'\\\n]|\\.)* (?:[^'\\\n]|\\.)*'/gm, '');
}

suite('what is loaded', () => {
  const importersOf = (name: string) => files.filter((file) => importsOf.get(file)?.some(({ of }) => of === name));

  test('only native/ imports ffi-rs', () => {
    assert.deepEqual(
      importersOf('ffi-rs').filter((file) => !file.startsWith('native/')),
      [],
    );
  });

  test('ffi-rs is imported at all', () => assert.notDeepEqual(importersOf('ffi-rs'), []));

  const atOnce = reachableFrom('main.ts', ({ isType, isDynamic }) => !isType && !isDynamic);

  test('commands that only look at the configuration do without libbpf', () => {
    assert.equal(atOnce.has('ffi-rs'), false);
  });

  test('commands that only look at the configuration do without OpenTelemetry', () => {
    assert.deepEqual(
      [...atOnce].filter((name) => name.startsWith('@opentelemetry/')),
      [],
    );
  });

  test('only main.ts ends the process', () => {
    assert.deepEqual(
      files.filter((file) => /\bprocess\.exit\b/.test(readFileSync(join(SRC, file), 'utf8'))),
      ['main.ts'],
    );
  });
});
