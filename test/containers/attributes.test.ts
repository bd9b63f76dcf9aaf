import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { attributesOf } from '../../src/containers/attributes.ts';

suite('the name of a cgroup, as an attribute,', () => {
  const rows: [string, string, string][] = [
    ['is what it is', '/system.slice/a b"c\\x2dd-é-日本', '/system.slice/a b"c\\x2dd-é-日本'],
    ['shows what a terminal would obey', '/\x1b[31mred', '/\\u{1b}[31mred'],
    ['shows what begins a line', '/a\rb\u2028c', '/a\\u{d}b\\u{2028}c'],
    ['shows what turns text around', '/a\u202eb', '/a\\u{202e}b'],
    ['shows control characters beyond ASCII', '/a\u009bb', '/a\\u{9b}b'],
    ['is not taken for another one’s', '/\\u{1b}[31mred', '/\\\\u{1b}[31mred'],
    ['doubles backslashes where others are added', '/\\x2d\x1b', '/\\\\x2d\\u{1b}'],
  ];
  for (const [title, cgroup, shown] of rows) {
    test(title, () => assert.equal(attributesOf({ cgroup }).cgroup, shown));
  }

  test('differs from that of every other cgroup', () => {
    const pieces = ['\x1b', '\\', 'u', '{', '1b', '}', '\\u{1b}', '\\\\', '\r', '\u202e'];
    const names = new Set<string>();
    for (const a of pieces) for (const b of pieces) for (const c of pieces) names.add(`/${a}${b}${c}`);
    const shown = new Set(Array.from(names, (cgroup) => attributesOf({ cgroup }).cgroup));
    assert.equal(shown.size, names.size);
  });

  test('is as harmless as the names of its container', () => {
    const { cgroup, ...others } = attributesOf({
      cgroup: '/x',
      containerId: 'a\x1b',
      names: { containerName: 'b\n', imageName: 'c\r', podName: 'd\x7f', podNamespace: 'e\u2029' },
    });
    assert.deepEqual(Object.values(others), ['a\\u{1b}', 'b\\u{a}', 'c\\u{d}', 'd\\u{7f}', 'e\\u{2029}']);
  });
});
