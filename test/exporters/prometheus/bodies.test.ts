/** When the body of an answer is kept, and when it is given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bodies, type Body } from '../../../src/exporters/prometheus/bodies.ts';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';

test('a body ends with its last reader, and not before', async () => {
  let closed = 0;
  const body: Body = {
    status: 200,
    size: 1 << 20,
    contentFor: () => ({ headers: {}, chunks: { chunk: () => null } }),
    close: () => void closed++,
  };
  const bodies = new Bodies(new Clients());
  const readers = [1, 2].map(() => bodies.take({ key: '/metrics', make: () => body }));
  const [first, second] = await Promise.all(readers);
  first?.release();
  assert.equal(closed, 0);
  second?.release();
  assert.equal(closed, 1);
});
