import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { wrap } from '../../../src/commands/top/events.ts';
import { fit, line, widthOf } from '../../../src/commands/top/text.ts';

suite('a text of a terminal', () => {
  const rows: [text: string, width: number, fitted: string][] = [
    ['abc', 5, 'abc  '],
    ['abcdef', 5, 'abcd~'],
    ['', 2, '  '],
    ['abc', 0, ''],
    ['容器', 5, '容器 '],
    ['容器容器', 5, '容器~'],
    ['e\u0301a', 3, 'e\u0301a '],
    ['\u001b[2Jx', 10, '\\u001b[2Jx'],
    ['a\u202eb\n', 14, 'a\\u202eb\\u000a'],
    ['\ud800', 2, '\ufffd '],
  ];
  for (const [text, width, fitted] of rows) {
    test(`takes ${width} columns: ${JSON.stringify(text)}`, () => assert.equal(fit(text, width), fitted));
  }

  test('stands at the right where it is a number', () => assert.equal(fit('12', 4, 'right'), '  12'));

  test('of 4,096 hostile characters takes no more', () => {
    for (const character of ['\u001b', '\u202e', '容', '\ud800', '\u0301', '😀']) {
      assert.ok(widthOf(fit(character.repeat(4096), 20)) <= 20, character);
    }
  });
});

suite('a line of a terminal', () => {
  test('has colors where they are wanted', () => {
    const spans = ['a', { text: 'b', style: 'bad' }] as const;
    assert.equal(line(spans, 9, true), 'a\u001b[1;31mb\u001b[0m');
    assert.equal(line(spans, 9, false), 'ab');
  });

  test('is no longer than the terminal is wide', () => assert.equal(line(['abc', 'def'], 5, false), 'abcd~'));

  test('has no escape sequence of a name', () => {
    assert.equal(line(['\u001b]0;x\u0007'], 40, true), '\\u001b]0;x\\u0007');
  });
});

suite('a sentence', () => {
  test('goes on in the next line', () => assert.deepEqual(wrap('aa bb cc', 5), ['aa bb', 'cc']));
  test('has words that are longer than a line', () => assert.deepEqual(wrap('aaaaaaa b', 5), ['aaaaaaa', 'b']));
});
