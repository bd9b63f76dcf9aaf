import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { turn } from '../../../src/exporters/prometheus/turns.ts';

/** Keeps the event loop for longer than a slice. */
function work(): void {
  const until = performance.now() + 15;
  while (performance.now() < until);
}

suite('whoever writes a long answer', () => {
  test('goes on at once while it is short', async ({ mock }) => {
    mock.method(performance, 'now', () => 0); // however slow the machine is
    const order: string[] = [];
    setImmediate(() => order.push('everything else'));
    for (let chunk = 0; chunk < 3; chunk++) {
      await turn();
      order.push('chunk');
    }
    assert.deepEqual(order, ['chunk', 'chunk', 'chunk']);
    await new Promise(setImmediate);
  });

  test('lets everything else have its turn after a slice', async () => {
    const order: string[] = [];
    await turn();
    setImmediate(() => order.push('everything else'));
    for (let chunk = 0; chunk < 3; chunk++) {
      work();
      await turn();
      order.push('chunk');
    }
    assert.ok(order.indexOf('everything else') < 2, order.join());
    await new Promise(setImmediate);
  });

  test('shares slices with others, in the order in which they wait', async () => {
    const order: string[] = [];
    const write = async (name: string): Promise<void> => {
      for (let chunk = 0; chunk < 3; chunk++) {
        await turn();
        order.push(name);
        work();
      }
    };
    await Promise.all(['a', 'b', 'c'].map(write));
    assert.deepEqual(order.slice(1), ['b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
  });
});
