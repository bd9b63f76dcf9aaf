/** What OpenTelemetry's SDK and gRPC say of themselves, in a program of our own and in that of somebody else. */
import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { globalErrorHandler } from '@opentelemetry/core';
import { takeDiagnostics } from '../../src/program/diagnostics.ts';
import { createLogger, type Level, type Logger } from '../../src/program/log.ts';

/** What the API says of who listens. */
const ABOUT_ITSELF = /@opentelemetry\/api: /;

function logAt(level: Level): { log: Logger; lines: { level: string; message: string }[] } {
  const lines: { level: string; message: string }[] = [];
  const write = (text: string): void => {
    if (!ABOUT_ITSELF.test(text)) lines.push(JSON.parse(text));
  };
  return { log: createLogger(level, 'json', write, ['sesame']), lines };
}

suite('what OpenTelemetry says of itself', () => {
  afterEach(() => diag.disable());

  test('is in the log, at its level, in one line, without secrets', () => {
    const { log, lines } = logAt('debug');
    takeDiagnostics(log, 'debug');
    diag.error('one\nline', new Error('of sesame'), { a: { b: { c: 1 } } });
    diag.warn('careful');
    diag.info('by the way');
    diag.debug('details');
    diag.verbose('more of them');
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [
        ['error', 'OpenTelemetry says one\nline of [redacted] { a: { b: [Object] } }'],
        ['warn', 'OpenTelemetry says careful'],
        ['info', 'OpenTelemetry says by the way'],
        ['debug', 'OpenTelemetry says details'],
        ['debug', 'OpenTelemetry says more of them'],
      ],
    );
  });

  test('is no more than the level of the log asks for, and nothing is made into text for it', () => {
    const { log, lines } = logAt('warn');
    takeDiagnostics(log, 'warn');
    let read = 0;
    const item = {
      get secret() {
        return read++;
      },
    };
    diag.info('by the way');
    diag.debug('items', item);
    assert.deepEqual([lines, read], [[], 0]);
  });

  test('again and again is one line a minute of each kind', () => {
    const { log, lines } = logAt('info');
    takeDiagnostics(log, 'info');
    for (let at = 0; at < 100; at++) {
      diag.error(`an export failed: ${at}`);
      diag.error(`another thing: ${at}`);
    }
    assert.equal(lines.length, 2);
  });

  test('is the message of an error that nobody handles, without its stack', () => {
    const { log, lines } = logAt('info');
    takeDiagnostics(log, 'info');
    globalErrorHandler(new Error('something broke'));
    assert.equal(lines[0]?.message, 'OpenTelemetry says something broke');
  });

  test('is of bounded length', () => {
    const { log, lines } = logAt('info');
    takeDiagnostics(log, 'info');
    diag.error('x'.repeat(1e6));
    assert.ok((lines[0]?.message.length ?? 0) < 600);
  });

  test('stays with the program around us where that listens to it', () => {
    const { log, lines } = logAt('debug');
    const theirs: string[] = [];
    const say = (text: string): void => {
      if (!ABOUT_ITSELF.test(text)) theirs.push(text);
    };
    diag.setLogger({ error: say, warn: say, info: say, debug: say, verbose: say }, DiagLogLevel.ALL);
    const end = takeDiagnostics(log, 'debug');
    diag.warn('for them');
    end();
    diag.warn('for them still');
    assert.deepEqual([lines, theirs], [[], ['for them', 'for them still']]);
  });

  test('is left when it ends, also to whoever took it meanwhile', () => {
    const { log, lines } = logAt('debug');
    takeDiagnostics(log, 'debug')();
    diag.warn('for nobody');
    const end = takeDiagnostics(log, 'debug');
    const theirs: string[] = [];
    const say = (text: string): void => {
      if (!ABOUT_ITSELF.test(text)) theirs.push(text);
    };
    diag.setLogger({ error: say, warn: say, info: say, debug: say, verbose: say }, { suppressOverrideMessage: true });
    end();
    diag.warn('for them');
    assert.deepEqual([lines, theirs], [[], ['for them']]);
  });
});
