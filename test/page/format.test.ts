import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { age, bytes, count, micros, percent, seconds } from '../../src/page/format.ts';

suite('numbers for people', () => {
  const rows: [text: string, is: string][] = [
    ...[count(0), count(null), count(undefined), count(12_345), count(0.01234)].map((text, at): [string, string] => [
      text,
      ['0', '–', '–', '12,300', '0.0123'][at] ?? '',
    ]),
    [micros(0), '0 µs'],
    [micros(999), '999 µs'],
    [micros(1000), '1 ms'],
    [micros(524_288), '524 ms'],
    [micros(1e6), '1 s'],
    [micros(null), '–'],
    [seconds(0.0005), '500 µs'],
    [bytes(0), '0 B'],
    [bytes(1023), '1,020 B'],
    [bytes(1024), '1 KiB'],
    [bytes(64 << 20), '64 MiB'],
    [bytes(2 ** 70), '1,050,000 PiB'],
    [bytes(-5), '-5 B'],
    [percent(0), '0 %'],
    [percent(0.004), '<1 %'],
    [percent(1), '100 %'],
    [percent(12.3), '1,230 %'],
    [age(-5), '0 s'],
    [age(59_400), '59 s'],
    [age(60_000), '1 min'],
    [age(3_600_000), '1 h'],
    [age(3 * 86_400_000), '3 days'],
  ];
  for (const [text, is] of rows) test(`${is} is written so`, () => assert.equal(text, is));
});
