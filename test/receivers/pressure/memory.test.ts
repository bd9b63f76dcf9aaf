import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MemoryReader } from '../../../src/receivers/pressure/memory.ts';

type Files = Record<string, string>;

const V2 = (limit: number | 'max', usage: number, inactive: number, faults = 7): Files => ({
  'memory.max': `${limit}\n`,
  'memory.current': `${usage}\n`,
  'memory.stat': `anon 1\nfile 2\ninactive_anon 3\ninactive_file ${inactive}\nactive_file 4\npgfault 9\npgmajfault ${faults}\n`,
});

const V1 = (limit: number | string, usage: number, inactive: number, faults = 7): Files => ({
  'memory.limit_in_bytes': `${limit}\n`,
  'memory.usage_in_bytes': `${usage}\n`,
  'memory.stat': `cache 1\ninactive_file 1\npgmajfault 1\ntotal_cache 2\ntotal_inactive_file ${inactive}\ntotal_pgmajfault ${faults}\n`,
});

function reader(version: 1 | 2, files: Record<string, Files>, reads: string[] = []): MemoryReader {
  return new MemoryReader({ mount: '/cg', version }, (at) => {
    const file = String(at);
    reads.push(file);
    const [, folder = '', name = ''] = /^\/cg(.*)\/([^/]+)$/.exec(file) ?? [];
    const text = files[folder]?.[name];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  });
}

function headroom(version: 1 | 2, path: string, files: Record<string, Files>): number | null {
  return reader(version, files).headroom(path);
}

suite('headroom is the limit less the working set', () => {
  test('on v2', () => assert.equal(headroom(2, '/a', { '/a': V2(1000, 700, 200) }), 500));

  test('on v1, where only the totals count what is below', () => {
    assert.equal(headroom(1, '/a', { '/a': V1(1000, 700, 200) }), 500);
  });

  test('and not more than the limit, though the kernel’s counts are not of one moment', () => {
    assert.equal(headroom(2, '/a', { '/a': V2(1000, 100, 200) }), 1000);
  });

  test('and below 0 where the limit was lowered', () => {
    assert.equal(headroom(2, '/a', { '/a': V2(100, 300, 0) }), -200);
  });
});

suite('headroom is of the nearest limit', () => {
  test('which a pod may have, and its container none', () => {
    assert.equal(headroom(2, '/pod/a', { '/pod': V2(1000, 900, 0), '/pod/a': V2('max', 100, 0) }), 100);
  });

  test('which may be the container’s own', () => {
    assert.equal(headroom(2, '/pod/a', { '/pod': V2(1000, 100, 0), '/pod/a': V2(300, 100, 0) }), 200);
  });

  test('and what two containers share is read once', () => {
    const reads: string[] = [];
    const unlimited = V2('max', 1, 0);
    const memory = reader(2, { '/pod': unlimited, '/pod/a': unlimited, '/pod/b': unlimited }, reads);
    for (const path of ['/pod/a', '/pod/b']) memory.headroom(path);
    assert.deepEqual(reads, ['/cg/pod/a/memory.max', '/cg/pod/memory.max', '/cg/pod/b/memory.max']);
  });
});

suite('there is no headroom', () => {
  const rows: [string, 1 | 2, Record<string, Files>][] = [
    ['where v2 has no limit', 2, { '/a': V2('max', 1, 0) }],
    ['where v1 has no limit', 1, { '/a': V1('9223372036854771712', 1, 0) }],
    ['where v1 has no limit on pages of 64 kB', 1, { '/a': V1('9223372036854710272', 1, 0) }],
    ['where the controller is off', 2, {}],
    ['of a cgroup that is removed while it is read', 2, { '/a': { 'memory.max': '1000\n' } }],
    ['where the statistics are not what they were', 2, { '/a': { ...V2(1000, 1, 0), 'memory.stat': 'anon 1\n' } }],
  ];
  for (const [name, version, files] of rows) test(name, () => assert.equal(headroom(version, '/a', files), null));

  test('of the root', () => assert.equal(headroom(2, '/', { '': V2(1000, 1, 0) }), null));
});

suite('major faults are', () => {
  test('those of the container and what is below it on v2', () => {
    assert.equal(reader(2, { '/a': V2('max', 1, 0, 12) }).counter('/a', 'majorFaults'), 12);
  });

  test('the total on v1', () => assert.equal(reader(1, { '/a': V1(1000, 1, 0, 12) }).counter('/a', 'majorFaults'), 12));

  test('unknown, not 0, where no file tells them', () => {
    const files = { '/a': {}, '/b': { 'memory.stat': 'anon 1\n' } };
    assert.deepEqual(
      ['/a', '/b'].map((path) => reader(2, files).counter(path, 'majorFaults')),
      [null, null],
    );
  });

  test('read together with the headroom: one file more where there is no limit, none where there is one', () => {
    const reads: string[] = [];
    const memory = reader(2, { '/a': V2('max', 1, 0), '/b': V2(1000, 1, 0) }, reads);
    for (const path of ['/a', '/b']) {
      memory.headroom(path);
      memory.counter(path, 'majorFaults');
    }
    assert.deepEqual(reads, [
      '/cg/a/memory.max',
      '/cg/a/memory.stat',
      '/cg/b/memory.max',
      '/cg/b/memory.current',
      '/cg/b/memory.stat',
    ]);
  });
});
