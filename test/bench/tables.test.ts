import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Results } from '../../bench/results.ts';
import { asMarkdown, asText, durationsOf, number } from '../../bench/tables.ts';

function part() {
  const results = new Results();
  results.add('a read', 'Floatie', 'ns', 100, 110, 120);
  results.add('a read', 'bpftrace', 'ns', 200, 220, 240);
  results.add('its size', 'Floatie', 'kB', 1071.3);
  results.compare('Floatie', 'bpftrace');
  results.aim('a read', 'Floatie', { atMost: 0.4, of: 'bpftrace' });
  results.aim('its size', 'Floatie', { atMost: 2000 });
  return { name: 'x', title: 'Reads', seconds: 3, figures: results.figures(), notes: ['Not measured: the rest'] };
}

suite('a table', () => {
  test('of Markdown has a row for each thing and a column for each program', () => {
    assert.equal(
      asMarkdown(part()),
      `## Reads

|  | Floatie | bpftrace |
| --- | --- | --- |
| a read, ns | 110 (100–120)<br>0.5 of bpftrace<br>aim of 0.4 of bpftrace missed | 220 (200–240) |
| its size, kB | 1,071<br>aim of 2,000 reached |  |

Not measured: the rest
`,
    );
  });

  test('judges no aim whose peer was not measured', () => {
    const results = new Results();
    results.add('a read', 'Floatie', 'ns', 100);
    results.aim('a read', 'Floatie', { atMost: 0.4, of: 'bpftrace' });
    assert.match(asMarkdown({ ...part(), figures: results.figures() }), /\| 100 \|/);
  });

  test('of text has aligned columns', () => {
    const lines = asText(part()).split('\n');
    assert.equal(lines[1], 'Reads (3 s)');
    assert.equal(lines[2]?.indexOf('bpftrace'), lines[3]?.indexOf('220 '));
  });

  test('says at its end how long each part took', () => {
    const other = { ...part(), name: 'y', seconds: 20 };
    assert.equal(durationsOf([part(), other]), 'Measuring took 23 s: x 3, y 20.');
  });

  test('that is empty has only its reasons', () => {
    const empty = { ...part(), figures: [] };
    assert.equal(asMarkdown(empty), '## Reads\n\nNot measured: the rest\n');
  });
});

suite('a number', () => {
  for (const [value, text] of [
    [0, '0'],
    [0.0004, '0'],
    [0.1234, '0.123'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [1234.5, '1,235'],
    [-12.34, '-12.3'],
  ] as const) {
    test(`such as ${value} has three digits that count: ${text}`, () => assert.equal(number(value), text));
  }
});
