import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createLogger, type Level, type Logger } from '../src/log.ts';

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];

function linesOf(level: Level, format: 'text' | 'json', work: (log: Logger) => void): string[] {
  const lines: string[] = [];
  work(createLogger(level, format, (line) => lines.push(line)));
  return lines;
}

suite('the log', () => {
  for (const [index, level] of LEVELS.entries()) {
    test(`from ${level} on has ${LEVELS.slice(index).join(', ')}`, () => {
      const lines = linesOf(level, 'json', (log) => {
        for (const at of LEVELS) log[at](at);
      });
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).level),
        LEVELS.slice(index),
      );
    });
  }
});

suite('a line for people', () => {
  const lineOf = (...args: Parameters<Logger['info']>) => linesOf('info', 'text', (log) => log.info(...args))[0] ?? '';

  test('begins with time and level', () => {
    assert.match(lineOf('Started'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info {2}Started\n$/);
  });

  test('has its fields behind the message', () => {
    assert.match(
      lineOf('Started', { port: 9090, url: 'http://a', ready: true, reason: null }),
      / Started port=9090 url="http:\/\/a" ready=true reason=null\n$/,
    );
  });

  test('leaves out fields without a value', () => {
    assert.match(lineOf('Started', { reason: undefined }), / Started\n$/);
  });

  test('stays one line, whatever is in the message or the fields', () => {
    assert.equal(lineOf('One\ntwo', { text: 'three\nfour' }).split('\n').length, 2);
  });
});

suite('a line for programs', () => {
  const lineOf = (...args: Parameters<Logger['warn']>) => linesOf('info', 'json', (log) => log.warn(...args))[0] ?? '';

  test('is one JSON object', () => {
    const { time, ...rest } = JSON.parse(lineOf('Odd', { port: 9090, reason: undefined, url: null }));
    assert.deepEqual(
      [Number.isNaN(Date.parse(time)), rest],
      [false, { level: 'warn', message: 'Odd', port: 9090, url: null }],
    );
  });

  test('stays one line, whatever is in it', () => {
    assert.equal(lineOf('One\ntwo', { text: 'three\nfour' }).split('\n').length, 2);
  });
});
