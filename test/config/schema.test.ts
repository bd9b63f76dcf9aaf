import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { configFile } from '../../scripts/config-file.ts';
import { keys } from '../../src/config/keys.ts';
import { loadConfig } from '../../src/config/load.ts';
import { schema } from '../../src/config/schema.ts';
import { boundsProblem } from '../../src/settings/bounds.ts';

const file = fileURLToPath(new URL('../../config/floatie.yaml', import.meta.url));
const text = readFileSync(file, 'utf8');
const document: unknown = parse(text);

function at(node: unknown, key: string): unknown {
  return key.split('.').reduce((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], node);
}

/** The comments above a key, and behind it. */
function commentOf(key: string): string {
  const [type = '', name = ''] = key.split('.').slice(-2);
  const section = text.slice(new RegExp(`^ *${type}:\\n`, 'm').exec(text)?.index);
  return new RegExp(`(?: *#.*\\n)* *${name}:.*\\n`).exec(section)?.[0] ?? '';
}

suite('config/floatie.yaml', () => {
  for (const key of keys) {
    test(`shows ${key} with its default`, () => {
      const { default: value } = at(schema, key) as { default: unknown };
      // What a variable of OpenTelemetry can say has nothing behind it, and its default in the comment.
      const shown = at(document, key);
      if (shown !== null) assert.deepEqual(shown, value);
      else assert.match(commentOf(key), new RegExp(`OTEL_.*else ${value}\\.`, 's'));
    });
  }

  test('gets the section of a receiver that it lacks from `npm run docs`', () => {
    const without = text.replace(/\n {2}pressure:\n[\s\S]*?(?=\n#)/, '');
    assert.equal(at(parse(without), 'receivers.pressure'), undefined);
    assert.deepEqual(parse(configFile(without)), document);
  });

  test('has no key that does not exist, and changes nothing', () => {
    assert.deepEqual(loadConfig({ file, env: {}, set: [] }), loadConfig({ env: {}, set: [] }));
  });

  test('gives a reason above every key, or above the first of several in a row', () => {
    const sections: { name: string; indent: number }[] = [];
    const bare = text.split('\n').filter((line, index, lines) => {
      const [, space = '', name] = /^( *)([a-z_]+):/.exec(line) ?? [];
      if (name === undefined) return false;
      while ((sections.at(-1)?.indent ?? -1) >= space.length) sections.pop();
      sections.push({ name, indent: space.length });
      const above = lines[index - 1] ?? '';
      const isKey = keys.includes(sections.map((section) => section.name).join('.'));
      // Those of otlphttp mean what they mean in otlp.
      const isRepeated = sections[1]?.name === 'otlphttp';
      return isKey && !/^ *#/.test(above) && !/^ *[a-z_]+: \S/.test(above) && !isRepeated;
    });
    assert.deepEqual(bare, []);
  });
});

suite('a setting', () => {
  for (const key of keys) {
    test(`${key} says in one sentence what it is`, () => {
      assert.match((at(schema, key) as { doc: string }).doc, /^\S.*[^.\s]$/);
    });
  }
});

suite('the bounds of a histogram', () => {
  const good: [string, number[]][] = [
    ['one', [1]],
    ['the smallest and the largest', [0.001, 1e9]],
    ['three decimals', [0.125, 1.001, 4.35]],
    ['two hundred', Array.from({ length: 200 }, (_, index) => index + 1)],
  ];
  for (const [name, bounds] of good) test(`may be ${name}`, () => assert.equal(boundsProblem(bounds), null));

  const NUMBERS = 'must have numbers from 0.001 to 1000000000 only, in microseconds';
  const bad: [string, unknown, string][] = [
    ['none', [], 'must be a list of numbers, in microseconds'],
    ['no list', 5, 'must be a list of numbers, in microseconds'],
    ['two hundred and one', Array.from({ length: 201 }, (_, index) => index + 1), 'must have at most 200 bounds'],
    ['zero', [0, 1], NUMBERS],
    ['negative', [-1, 1], NUMBERS],
    ['above a quarter of an hour', [1e9 + 1], NUMBERS],
    ['infinite', [1, Number.POSITIVE_INFINITY], NUMBERS],
    ['no number at all', [Number.NaN], NUMBERS],
    ['texts', ['1'], NUMBERS],
    ['parts of a nanosecond', [0.0015], 'must have whole nanoseconds: at most three decimals'],
    ['the same twice', [1, 1], 'must rise from bound to bound'],
    ['falling', [2, 1], 'must rise from bound to bound'],
  ];
  for (const [name, bounds, problem] of bad) {
    test(`may not be ${name}`, () => assert.equal(boundsProblem(bounds), problem));
  }
});
