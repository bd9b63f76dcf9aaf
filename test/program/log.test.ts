import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { loadConfig } from '../../src/config/load.ts';
import { secretsOf } from '../../src/config/redact.ts';
import { createLogger, type Level, type Logger, withoutRepetition } from '../../src/program/log.ts';
import { coloured, LOG_FORMATS, type LogFormat } from '../../src/program/log-lines.ts';
import { holdClocks } from '../support/clocks.ts';

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];

function linesOf(level: Level, format: LogFormat, work: (log: Logger) => void): string[] {
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

suite('a line of logfmt', () => {
  const lineOf = (...args: Parameters<Logger['warn']>) =>
    linesOf('info', 'logfmt', (log) => log.warn(...args))[0]?.replace(/^time=\S+Z /, '');

  test('is pairs, quoted where that is needed', () => {
    const fields = {
      port: 9090,
      url: 'http://a?b=c',
      left: undefined,
      none: null,
      empty: '',
      path: '/a',
      'odd name=': 1,
    };
    assert.equal(
      lineOf('Not "so"', fields),
      'level=warn msg="Not \\"so\\"" port=9090 url="http://a?b=c" none=null empty="" path=/a odd_name_=1\n',
    );
  });

  test('has lists as JSON', () => {
    assert.equal(lineOf('Odd', { list: [{ a: 1 }] }), 'level=warn msg=Odd list="[{\\"a\\":1}]"\n');
  });
});

suite('the time of a record', () => {
  const record = { time: '2001-02-03T04:05:06.000Z', victim: 'hog' };

  for (const format of ['json', 'logfmt'] as const) {
    test(`does not replace that of the line (${format})`, () => {
      const [line = ''] = linesOf('info', format, (log) => log.warn('OOM kill', record));
      assert.match(line, format === 'json' ? /"event_time":"2001-02-03T/ : / event_time=2001-02-03T/);
      assert.doesNotMatch(line, format === 'json' ? /"time":"2001/ : /^time=2001| time=/);
    });
  }
});

suite('colours', () => {
  test('are for the level of a line, and change nothing else', () => {
    for (const level of LEVELS) {
      const [line = ''] = linesOf('debug', 'text', (log) => log[level](`A ${level} of it`));
      const shown = coloured(line, level);
      assert.notEqual(shown, line);
      assert.equal(stripVTControlCharacters(shown), line);
      assert.match(shown, new RegExp(`^\\S+ \\u001b\\[\\d+m${level}\\u001b`));
    }
  });

  test('are for terminals: a log that goes elsewhere has none', () => {
    for (const format of LOG_FORMATS) {
      assert.ok(linesOf('info', format, (log) => log.error('Odd')).every((line) => !line.includes('\u001b')));
    }
  });
});

suite('no line can be forged', () => {
  const EVIL = 'a\r\nb\u2028c\u2029d\u0085e\u001b[2Jf\u007fg\u009bh\u202ei\0';
  for (const format of LOG_FORMATS) {
    test(`by what is in messages, names or values (${format})`, () => {
      const [line = ''] = linesOf('info', format, (log) =>
        log.info(`M: ${EVIL}`, { [`x${EVIL}`]: EVIL, list: [{ [EVIL]: EVIL }] }),
      );
      assert.match(line, /^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]+\n$/u);
      if (format === 'json') assert.equal(JSON.parse(line).message.replaceAll('\\n', '\n'), `M: ${EVIL}`);
    });
  }
});

suite('no line shows', () => {
  const set = [
    'exporters.otlp.headers={authorization: "Bearer abc\\"def123", x-key: k3y-0f-mine}',
    'exporters.otlp.endpoint=http://user:pa55word@collector:4317',
  ];
  const env = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20fr0m-a-var1able' };
  const secrets = secretsOf(loadConfig({ env, set }));
  for (const format of LOG_FORMATS) {
    for (const [what, said] of [
      ['a header', 'Bearer abc"def123'],
      ['the token in one', 'abc"def123'],
      ['another header', 'k3y-0f-mine'],
      ['a header of a variable', 'fr0m-a-var1able'],
      ['the password of a URL', 'http://user:pa55word@collector:4317/v1'],
      ['a password with an at sign', 'https://user:pa55@word@collector'],
    ] as const) {
      test(`${what} (${format})`, () => {
        const lines: string[] = [];
        const log = createLogger('info', format, (line) => lines.push(line), secrets);
        log.error(`Cannot export: ${said} is refused`, { said, list: [{ said }] });
        assert.doesNotMatch(lines.join(''), /def123|k3y|pa55|word@|fr0m/);
        assert.match(lines.join(''), /\[redacted\]/);
      });
    }
  }

  test('the secrets of another configuration once that is used', () => {
    const lines: string[] = [];
    const log = createLogger('info', 'text', (line) => lines.push(line), ['first-secret']);
    log.configure?.('info', 'json', ['other-secret']);
    log.info('other-secret');
    assert.equal(JSON.parse(lines[0] ?? '').message, '[redacted]');
  });

  test('what looks like an address as if it had a password', () => {
    const [line = ''] = linesOf('info', 'json', (log) =>
      log.info('at http://a:1/x', { mail: 'b@c', url: 'http://[::1]:4/' }),
    );
    assert.doesNotMatch(line, /redacted/);
  });
});

suite('what happens again and again', () => {
  test('is one line a minute of each kind, with how many were left out', (context) => {
    const clocks = holdClocks(context);
    const lines: { message: string; suppressed?: number }[] = [];
    const log = withoutRepetition(createLogger('info', 'json', (line) => lines.push(JSON.parse(line))));
    for (let at = 0; at < 100; at++) {
      log.error(`Cannot collect: reason ${at}`);
      log.warn('Something else');
      clocks.pass(1000);
    }
    log.error('Cannot collect: at last');
    assert.deepEqual(
      lines.map(({ message, suppressed }) => [message, suppressed]),
      [
        ['Cannot collect: reason 0', undefined],
        ['Something else', undefined],
        ['Cannot collect: reason 60', 59],
        ['Something else', 59],
      ],
    );
  });

  test('is told at once when it has been well in between', () => {
    const lines: string[] = [];
    const log = withoutRepetition(createLogger('info', 'text', (line) => lines.push(line)));
    log.error('Cannot export: away');
    assert.equal(log.forget('Cannot export'), true);
    log.error('Cannot export: away');
    assert.equal(lines.length, 2);
    assert.equal(log.forget('Something else'), false);
  });
});
