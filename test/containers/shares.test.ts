import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Shares } from '../../src/containers/shares.ts';

function sharesOf(...keys: string[]): Shares {
  const shares = new Shares();
  for (const key of keys) shares.add(key);
  return shares;
}

suite('who gives way where there is no more room', () => {
  const cases: [string, string[], string | null, string | null][] = [
    ['nobody among equals', ['/a', '/b'], '/c', null],
    ['the newest of whoever has most', ['/user/a', '/user/b', '/docker/c'], '/system/d', '/user/b'],
    ['nobody for one who has most', ['/user/a', '/user/b', '/docker/c'], '/user/d', null],
    ['nobody for one who would then have more', ['/user/a', '/user/b', '/docker/c'], '/docker/d', null],
    ['the largest within a folder of both', ['/s/x/1', '/s/x/2', '/s/docker-a'], '/s/docker-b', '/s/x/2'],
    ['nobody, however many folders are made', ['/u/1/a', '/u/2/a', '/u/3/a', '/s/b'], '/u/4/a', null],
    ['one of many folders', ['/u/1/a', '/u/2/a', '/u/3/a', '/s/b'], '/s/c', '/u/3/a'],
    ['the newest, asked by nobody', ['/a', '/b'], null, '/b'],
    ['nobody where nobody is', [], '/a', null],
  ];
  for (const [name, keys, newcomer, expected] of cases) {
    test(`is ${name}`, () => assert.equal(sharesOf(...keys).givesWay(newcomer), expected));
  }

  test('those that left do not count', () => {
    const shares = sharesOf('/user/a', '/user/b', '/user/c', '/docker/d', '/docker/e');
    for (const key of ['/user/b', '/user/c']) shares.remove(key);
    assert.equal(shares.size, 3);
    assert.equal(shares.givesWay('/system/f'), '/docker/e');
  });

  test('paths of a thousand parts are told apart', () => {
    const deep = '/x'.repeat(1000);
    assert.equal(sharesOf(`${deep}/a`, `${deep}/b`, '/c').givesWay('/d'), `${deep}/b`);
  });
});
