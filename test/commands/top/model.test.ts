import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Key, type Model, press, START } from '../../../src/commands/top/model.ts';

const IDS = ['a', 'b', 'c'];
const key = (name: string): Key => (name.length === 1 ? { name, sequence: name } : { name, sequence: '' });

function after(...names: string[]): Model {
  return names.reduce<Model>((model, name) => {
    const next = press(model, key(name), IDS, 10);
    assert.notEqual(next, 'quit');
    return next as Model;
  }, START);
}

suite('a key', () => {
  test('quits', () => {
    for (const name of ['q', 'f10']) assert.equal(press(START, key(name), IDS, 10), 'quit');
    assert.equal(press(START, { name: 'c', sequence: '\u0003', ctrl: true }, IDS, 10), 'quit');
  });

  test('marks another container, within the list', () => {
    assert.equal(after('down').marked, 'b');
    assert.equal(after('down', 'down', 'down').marked, 'c');
    assert.equal(after('down', 'up', 'up').marked, 'a');
    assert.equal(after('end').marked, 'c');
    assert.equal(after('pagedown', 'home').marked, 'a');
  });

  test('shows the marked container, and goes back', () => {
    assert.equal(after('return').container, 'a');
    assert.equal(after('down', 'return').container, 'b');
    assert.equal(after('down', 'return', 'escape').container, null);
  });

  test('sorts by another column, and back', () => {
    assert.equal(after('s').sort, 'waits');
    assert.equal((press(after('s'), { name: 's', sequence: 'S' }, IDS, 10) as Model).sort, 'worst');
    assert.equal(after('f6', 'f6').sort, 'reads');
  });

  test('shows kills, slow operations, and containers again', () => {
    assert.deepEqual(
      ['2', '3', '1'].map((name) => after(name).view),
      ['killed', 'slow', 'containers'],
    );
    assert.equal(after('tab').view, 'killed');
  });

  test('is a letter of the filter, also where it is a command else', () => {
    const model = after('/', 'q', 's', '1');
    assert.deepEqual([model.filter, model.isTyping], ['qs1', true]);
    assert.equal(after('/', 'q', 'w', 'backspace', 'return').filter, 'q');
    assert.equal(after('/', 'q', 'escape').filter, '');
    assert.equal(after('/', 'q', 'return', 'escape').filter, '');
  });

  test('does nothing in an empty list', () => {
    assert.equal((press(START, key('down'), [], 10) as Model).marked, null);
    assert.equal((press(START, key('return'), [], 10) as Model).container, null);
  });

  test('that means nothing changes nothing', () => assert.deepEqual(after('x', 'f12'), START));
});
