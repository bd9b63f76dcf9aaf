import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { growthOver, Usages } from '../../src/history/usages.ts';

const S = 1000;
const MINUTE = 60 * S;

suite('usages of cgroups', () => {
  test('are kept for five minutes, to the second just before, else one in ten seconds', () => {
    const usages = new Usages();
    for (let second = 0; second <= 600; second++) usages.note('/a', { usageBytes: second }, second * S);
    const points = usages.before('/a', 600 * S)?.points ?? [];
    assert.ok(points.length < 60, `there are ${points.length} points`);
    assert.ok((points[0]?.agoMs ?? 0) >= 5 * MINUTE, 'the oldest is five minutes old');
    assert.ok((points[0]?.agoMs ?? 0) < 5.5 * MINUTE, 'but not much older');
    assert.deepEqual(
      points.slice(-10).map(({ agoMs }) => agoMs),
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((seconds) => seconds * S),
    );
  });

  test('are those before a moment, of a cgroup and not of another that has its path by now', () => {
    const usages = new Usages();
    usages.note('/a', { id: 1n, usageBytes: 10 }, 0);
    assert.deepEqual(usages.before('/a', S, 1n)?.points, [{ agoMs: S, bytes: 10 }]);
    assert.equal(usages.before('/a', S, 2n), undefined);
    assert.equal(usages.before('/b', S), undefined);
    usages.note('/a', { id: 2n, usageBytes: 20 }, 2 * S);
    assert.deepEqual(usages.before('/a', 2 * S, 2n)?.points, [{ agoMs: 0, bytes: 20 }]);
  });

  test('end five minutes after the last one', () => {
    const usages = new Usages();
    usages.note('/a', { usageBytes: 10 }, 0);
    usages.expire(5 * MINUTE);
    assert.equal(usages.size, 1);
    usages.expire(5 * MINUTE + 1);
    assert.equal(usages.size, 0);
  });

  test('grow by what was added since the last sample that is old enough', () => {
    const points = [
      { agoMs: 70 * S, bytes: 1000 },
      { agoMs: 12 * S, bytes: 4000 },
      { agoMs: 2 * S, bytes: 9000 },
    ];
    assert.deepEqual(growthOver({ points }, 10_000, 10 * S), { bytesPerS: 500, overS: 12, fromBytes: 4000 });
    assert.deepEqual(growthOver({ points }, 10_000, MINUTE), { bytesPerS: 9000 / 70, overS: 70, fromBytes: 1000 });
    assert.equal(growthOver({ points }, 10_000, 5 * MINUTE), undefined);
  });
});
