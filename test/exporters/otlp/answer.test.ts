import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { excerpt, excerptOf, NoOtlpError, readAnswer } from '../../../src/exporters/otlp/answer.ts';
import { bytesField, numberField, partialSuccess } from '../../support/protobuf.ts';

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json; charset=utf-8';

suite('the answer of an endpoint', () => {
  const rows: [string, Buffer | string, string | undefined, { rejected: number; message: string } | null][] = [
    ['says nothing where it is empty', '', PROTOBUF, null],
    ['says nothing where it is empty, of whatever type', '', 'text/html', null],
    ['says nothing where it is an empty partial success', bytesField(1, ''), PROTOBUF, null],
    ['says nothing where it rejects nothing, without words', partialSuccess(0, ''), PROTOBUF, null],
    ['says what it rejects', partialSuccess(300, 'old'), PROTOBUF, { rejected: 300, message: 'old' }],
    ['says so without a type, as over gRPC', partialSuccess(1, ''), undefined, { rejected: 1, message: '' }],
    ['can be a warning', partialSuccess(0, 'soon'), PROTOBUF, { rejected: 0, message: 'soon' }],
    [
      'can have more than this version knows',
      Buffer.concat([partialSuccess(1, 'a'), numberField(7, 1)]),
      PROTOBUF,
      { rejected: 1, message: 'a' },
    ],
    [
      'can be JSON',
      '{"partialSuccess":{"rejectedDataPoints":"5","errorMessage":"old"}}',
      JSON_TYPE,
      { rejected: 5, message: 'old' },
    ],
    ['can be JSON of records', '{"partialSuccess":{"rejectedLogRecords":5}}', JSON_TYPE, { rejected: 5, message: '' }],
    ['can be empty JSON', '{}', JSON_TYPE, null],
    ['can be JSON without a partial success', '{"partialSuccess":null}', JSON_TYPE, null],
    ['has words of one line', partialSuccess(1, 'a\nb\u001b[2J\tc'), PROTOBUF, { rejected: 1, message: 'a b [2J c' }],
  ];
  for (const [name, body, type, expected] of rows) {
    test(name, () => assert.deepEqual(readAnswer(Buffer.from(body), type), expected));
  }

  const others: [string, string, string | undefined, string][] = [
    ['a web page', '<!doctype html><title>Sign\n in</title>', 'text/html', 'a web page with the title "Sign in"'],
    ['a web page without a title', '<html>', 'text/html; charset=utf-8', 'a web page'],
    ['a web page that goes by the type of protobuf', '<html>x</html>', PROTOBUF, 'a web page'],
    ['a text', 'accepted', 'text/plain', 'accepted'],
    ['JSON that is none', '{"partialSuccess":', JSON_TYPE, '{"partialSuccess":'],
    ['JSON that is no object', '"ok"', JSON_TYPE, '"ok"'],
    ['what is cut off', '\u000a\u0005', PROTOBUF, '2 bytes of application/x-protobuf'],
    ['bytes of no type', 'zzzz', undefined, '4 bytes of no type'],
  ];
  for (const [name, body, type, told] of others) {
    test(`is no answer where it is ${name}`, () => {
      assert.throws(
        () => readAnswer(Buffer.from(body), type),
        (error) => error instanceof NoOtlpError && error.message === `answers what is no OTLP: ${told}`,
      );
    });
  }
});

suite('what an endpoint says in an error', () => {
  const rows: [string, Buffer | string, string | undefined, string][] = [
    ['is nothing where it sends nothing', '', 'text/plain', ''],
    [
      'is the message of a status',
      Buffer.concat([numberField(1, 3), bytesField(2, 'too\nlarge')]),
      PROTOBUF,
      'too large',
    ],
    ['is its text', 'no such\r\ntenant\n', 'text/plain', 'no such tenant'],
    ['is its JSON', '{"error":"no such tenant"}', 'application/json', '{"error":"no such tenant"}'],
    ['is told by its size where it cannot be read', '\u0001\u0002\u0003', 'image/png', '3 bytes of image/png'],
  ];
  for (const [name, body, type, expected] of rows) {
    test(name, () => assert.equal(excerptOf(Buffer.from(body), type), expected));
  }

  test('is of bounded length', () => {
    assert.equal(excerpt('x'.repeat(10_000)), `${'x'.repeat(300)}…`);
    assert.ok(excerptOf(Buffer.from(`<html><title>${'x'.repeat(10_000)}`), 'text/html').length < 400);
  });
});
