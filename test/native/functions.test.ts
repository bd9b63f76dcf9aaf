import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { call, type FunctionName, functions } from '../../src/native/functions.ts';
import { missing } from '../support/requirements.ts';

type Kind = (typeof functions)[FunctionName]['takes'][number];

const untyped = call as unknown as (name: string, ...args: unknown[]) => { value: unknown };

// mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
const { value: address } = call('mmap', null, 4096, 3, 0x22, -1, 0);
const { value: pointer } = call('memmove', address, address, 0);
assert.ok(pointer !== null);

const emptied = Buffer.from(new ArrayBuffer(8));
structuredClone(emptied.buffer, { transfer: [emptied.buffer] });

const good: Record<Kind, unknown> = {
  pointer,
  string: 'text',
  bytes: Buffer.alloc(8),
  key: Buffer.alloc(8),
  i32: 0,
  u32: 0,
  u64: 0,
  bool: false,
  null: null,
};

const wrongNumbers: [string, unknown][] = [
  ['a text of digits', '1'],
  ['a fraction', 0.5],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['a bigint', 1n],
  ['true', true],
  ['null', null],
  ['undefined', undefined],
  ['a Number object', Object(1)],
];

const wrongBuffers: [string, unknown][] = [
  ['an empty Buffer, which has no address', Buffer.alloc(0)],
  ['a Buffer whose memory was given away', emptied],
  ['a Uint8Array that is no Buffer', new Uint8Array(8)],
  ['an ArrayBuffer', new ArrayBuffer(8)],
  ['a text', 'bytes'],
  ['an array', [0]],
  ['undefined', undefined],
];

const wrong: Record<Kind, [string, unknown][]> = {
  pointer: [
    ['null', null],
    ['undefined', undefined],
    ['a number, as an address would be', address],
    ['a Buffer', Buffer.alloc(8)],
    ['an object', {}],
  ],
  string: [
    ['a NUL inside', 'a\0b'],
    ['a NUL at the end', 'a\0'],
    ['a number', 5],
    ['null', null],
    ['a Buffer', Buffer.from('a')],
    ['a String object', Object('a')],
  ],
  bytes: [...wrongBuffers, ['null', null]],
  key: wrongBuffers,
  i32: [...wrongNumbers, ['2^31', 2 ** 31], ['-2^31 - 1', -(2 ** 31) - 1]],
  u32: [...wrongNumbers, ['-1', -1], ['2^32', 2 ** 32]],
  u64: [...wrongNumbers, ['-1', -1], ['2^53, which is not exact any more', 2 ** 53]],
  bool: [
    ['0', 0],
    ['1', 1],
    ['a text', 'true'],
    ['null', null],
    ['undefined', undefined],
  ],
  null: [
    ['undefined', undefined],
    ['0', 0],
    ['false', false],
    ['a pointer', pointer],
  ],
};

for (const [name, { takes }] of Object.entries(functions)) {
  const kinds: readonly Kind[] = takes;
  const args = kinds.map((kind) => good[kind]);

  suite(`${name} is not called, and nothing crashes,`, () => {
    for (const [index, kind] of kinds.entries()) {
      for (const [what, value] of wrong[kind]) {
        test(`with ${what} for its argument ${index + 1}, a ${kind}`, () => {
          assert.throws(() => untyped(name, ...args.with(index, value)), {
            name: 'TypeError',
            message: `Argument ${index + 1} of ${name} is no ${kind}`,
          });
        });
      }
    }

    test('with one argument too many', () => {
      assert.throws(() => untyped(name, ...args, 0), {
        name: 'TypeError',
        message: `${name} takes ${args.length} arguments, not ${args.length + 1}`,
      });
    });

    if (args.length > 0) {
      test('with one argument too few', () => {
        assert.throws(() => untyped(name, ...args.slice(1)), { name: 'TypeError' });
      });
    }
  });
}

suite('a function', () => {
  test('that is not in the table cannot be called', () => {
    assert.throws(() => untyped('system', 'true'), { name: 'TypeError' });
  });

  test('that every object has is not in the table either', () => {
    assert.throws(() => untyped('toString'), { name: 'TypeError' });
  });

  test('takes a size of 2^53 - 1', () => {
    // -1 is MAP_FAILED
    assert.equal(call('mmap', null, Number.MAX_SAFE_INTEGER, 3, 0x22, -1, 0).value, -1);
  });
});

suite('a function of libbpf', { skip: missing('libbpf') }, () => {
  test('gives its text', () => assert.match(call('libbpf_version_string').value, /^v\d+\.\d+$/));

  test('gives a null pointer as null', () => {
    const { value } = call('bpf_object__open_file', '/nonexistent', null);
    assert.equal(value, null);
  });

  test('gives errno beside it', () => {
    // ENOENT
    assert.equal(call('bpf_object__open_file', '/nonexistent', null).errno, 2);
  });

  for (const [what, fd] of [
    ['the largest', 2 ** 31 - 1],
    ['the smallest', -(2 ** 31)],
  ] as const) {
    test(`takes ${what} int and answers with an error of its own`, () => {
      assert.ok(call('bpf_map_delete_elem', fd, Buffer.alloc(4)).value < 0);
    });
  }

  test('takes a NULL key', () => {
    assert.ok(call('bpf_map_update_elem', -1, null, Buffer.alloc(4), 0).value < 0);
  });
});
