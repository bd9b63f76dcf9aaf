import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGuestLine } from './results.ts';

test('a line that a guest wrote is read', () => {
  assert.deepEqual(parseGuestLine('{"type":"ready","release":"6.1.0"}'), { type: 'ready', release: '6.1.0' });
});

for (const line of ['', 'SeaBIOS (version 1.16)', '{"type":"test","fi', '{"other":1}']) {
  test(`"${line}" is no line of a guest`, () => {
    assert.equal(parseGuestLine(line), null);
  });
}
