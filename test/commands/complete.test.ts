import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { COMMANDS } from '../../src/commands/arguments.ts';
import { complete, FILES, linesOf } from '../../src/commands/complete.ts';
import { flags } from '../../src/commands/flags.ts';
import { writable } from '../../src/config/writable.ts';

/** The words that the last word may become. */
function wordsOf(...words: string[]): readonly string[] | string {
  const found = complete(words);
  return found === FILES ? found : found.map(({ word }) => word);
}

suite('completion offers', () => {
  test('every command, and none that people do not call', () => assert.deepEqual(wordsOf(''), COMMANDS));
  test('commands after flags', () =>
    assert.deepEqual(wordsOf('--set', 'a=b', '--log.level=info', 'val'), ['validate']));
  test('every key for --set', () => {
    const expected = writable.map((key) => `${key}=`);
    assert.deepEqual(wordsOf('--set', ''), expected);
    assert.deepEqual(
      wordsOf('--set='),
      expected.map((pair) => `--set=${pair}`),
    );
  });
  test('flags of the command alone', () => {
    assert.deepEqual(wordsOf('doctor', '--j'), ['--json']);
    assert.deepEqual(wordsOf('run', '--j'), []);
    assert.equal(wordsOf('--').length, flags.filter(([, { isOfCommand }]) => isOfCommand !== true).length);
  });
  test('what each is, behind a tab', () => assert.match(linesOf(complete(['vali'])), /^validate\tcheck the conf.*\n$/));
  test('files as the shell knows them', () => assert.equal(linesOf(complete(['--config', 'a'])), ':files\n'));

  const rows: [words: string[], expected: readonly string[] | string][] = [
    [['help', 'doc'], ['doctor']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['top', 'o'], ['oom']],
    [['validate', ''], []],
    [['--log.level', 'w'], ['warn']],
    [['--log.level=w'], ['--log.level=warn']],
    [['--config='], FILES],
    [['--web.config.file', ''], FILES],
    [['--pid-ns-inum', ''], ['self']],
    [['--max-map-entries', ''], []],
    [
      ['--set', 'containers.names='],
      ['containers.names=true', 'containers.names=false', 'containers.names=without_image'],
    ],
    [['--set', 'exporters.otlp/eu.compression=g'], ['exporters.otlp/eu.compression=gzip']],
    [
      ['--set', 'exporters.otlp/eu.interval'],
      ['exporters.otlp/eu.interval_ms=', 'exporters.otlp/eu.interval='],
    ],
    [['--set', 'service.pipelines.metrics.receivers=oom,p'], ['service.pipelines.metrics.receivers=oom,pressure']],
    [['--set', 'nonsense=a'], []],
    [['--nonsense', 'x'], []],
    [['--nonsense='], []],
  ];
  for (const [words, expected] of rows) {
    test(`floatie ${words.join(' ')}`, () => assert.deepEqual(wordsOf(...words), expected));
  }
});
