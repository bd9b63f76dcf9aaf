import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hashOf, routeIn } from '../../src/page/route.ts';
import { rowsOf, SORTS, type Sort, select } from '../../src/page/rows.ts';
import { ANSWER, container, HOSTILE, operation, WEB } from '../support/containers-answer.ts';

const rows = rowsOf(ANSWER);
const names = (sort: Sort, filter = ''): string[] => select(rows, sort, filter).map(({ name }) => name);

suite('a row of a container', () => {
  test('says what part of the time it waited, without operations that lie within others', () => {
    const row = rows.find(({ name }) => name === 'web-1');
    assert.deepEqual([row?.waitShare, row?.waitsFor], [0.86, { name: 'device', share: 0.8 }]);
  });

  test('names the operation where causes are not measured', () => {
    const { waits, ...without } = WEB;
    const [row] = rowsOf({ ...ANSWER, containers: [without] });
    assert.deepEqual(row?.waitsFor, { name: 'read', share: 8.4 / 8.6 });
  });

  test('says that it waited for nothing where it did not', () => {
    const [row] = rowsOf({ ...ANSWER, containers: [container('idle', { operations: [operation('read', 0, 0, 0)] })] });
    assert.deepEqual([row?.waitShare, row?.waitsFor], [0, null]);
  });
});

suite('containers are sorted', () => {
  const orders: [Sort, string[]][] = [
    ['worst', ['killed', 'web-1', HOSTILE, 'quiet']],
    ['waits', ['web-1', 'quiet', HOSTILE, 'killed']],
    ['writes', ['quiet', HOSTILE, 'killed', 'web-1']],
    ['headroom', [HOSTILE, 'killed', 'web-1', 'quiet']],
    ['name', [HOSTILE, 'killed', 'quiet', 'web-1']],
  ];
  for (const [sort, order] of orders) test(`by ${sort}`, () => assert.deepEqual(names(sort), order));

  test('by each of the keys', () => {
    for (const sort of Object.keys(SORTS) as Sort[]) assert.equal(names(sort).length, rows.length);
  });

  test('and filtered by a part of the name in any case, or of the path', () => {
    assert.deepEqual(names('name', ' WEB'), ['web-1']);
    assert.deepEqual(names('name', 'libpod-7765'), ['web-1']);
    assert.deepEqual(names('name', 'nothing'), []);
  });

  test('and filtered by the whole name of a pod’s container, as floatie top shows it', () => {
    const app = container('app', { k8s_pod_name: 'checkout-x2x5q', k8s_namespace_name: 'shop' });
    const found = select(rowsOf({ ...ANSWER, containers: [app] }), 'name', 'checkout-x2x5q/app');
    assert.equal(found.length, 1);
  });
});

suite('the part of the address behind #', () => {
  for (const route of [
    { container: null, sort: 'worst', filter: '' },
    { container: '/a/b&c=d#e f', sort: 'reads', filter: '<ü>' },
  ] as const) {
    test(`says the same again: ${hashOf(route)}`, () => assert.deepEqual(routeIn(hashOf(route)), route));
  }

  test('is that of the list where it means nothing', () => {
    for (const hash of ['', '#', '#sort=toString', '#%']) {
      assert.deepEqual(routeIn(hash), { container: null, sort: 'worst', filter: '' });
    }
  });
});
