import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BpfObject, LibbpfError, libbpfVersion } from '../../../src/native/index.ts';
import { LoadError } from '../../../src/native/libbpf/object.ts';
import { missing } from '../../support/requirements.ts';

const OVERLAYFS = fileURLToPath(new URL(`../../../dist/bpf/${process.arch}/overlayfs.bpf.o`, import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'floatie-object-'));
after(() => rmSync(folder, { recursive: true }));

/** Nothing here loads a program: that takes root and is tested against a kernel. */
function openObject(): BpfObject {
  return BpfObject.open(OVERLAYFS);
}

suite('an object file', { skip: missing('libbpf') }, () => {
  test('that is missing is ENOENT', () => {
    assert.throws(() => BpfObject.open('/nonexistent/x.bpf.o'), {
      code: 'ENOENT',
      message: 'Cannot open the BPF object /nonexistent/x.bpf.o: ENOENT',
    });
  });

  for (const [name, contents] of [
    ['empty', ''],
    ['a text', 'this is no ELF file\n'],
    ['cut off behind its magic number', '\x7fELF'],
  ] as const) {
    test(`that is ${name} is an error with a code, and no crash`, () => {
      const file = join(folder, `${name}.o`);
      writeFileSync(file, contents);
      assert.throws(
        () => BpfObject.open(file),
        (error) => error instanceof LibbpfError && /^[A-Z][A-Z0-9_]+$/.test(error.code),
      );
    });
  }

  test('that is a folder is an error, and no crash', () => {
    assert.throws(() => BpfObject.open(folder), LibbpfError);
  });

  test('whose name has a NUL is refused before C sees it', () => {
    assert.throws(() => BpfObject.open(`${OVERLAYFS}\0.txt`), { name: 'TypeError' });
  });
});

suite('an open object', { skip: missing('libbpf', 'programs') }, () => {
  test('gives the same map for the same name', () => {
    const object = openObject();
    assert.equal(object.map('cells'), object.map('cells'));
    object.close();
  });

  test('gives the same program for the same name', () => {
    const object = openObject();
    assert.equal(object.program('syscall_exit'), object.program('syscall_exit'));
    object.close();
  });

  test('says which map it does not have', () => {
    const object = openObject();
    assert.throws(() => object.map('nonsense'), {
      code: 'ENOENT',
      message: `Cannot find the map "nonsense" in ${OVERLAYFS}: ENOENT`,
    });
    object.close();
  });

  test('says which program it does not have', () => {
    const object = openObject();
    assert.throws(() => object.program('nonsense'), { code: 'ENOENT' });
    object.close();
  });

  test('takes no initial value of another size', () => {
    const object = openObject();
    assert.throws(() => object.map('.rodata.config').setInitialValue(Buffer.alloc(1)), { code: 'EINVAL' });
    object.close();
  });

  test('has maps that cannot be written before they are loaded', () => {
    const object = openObject();
    assert.throws(() => object.map('slots').set(Buffer.alloc(4), Buffer.alloc(16)), /before it is loaded/);
    object.close();
  });
});

suite('a closed object', { skip: missing('libbpf', 'programs') }, () => {
  function closed<T>(get: (object: BpfObject) => T): { object: BpfObject; member: T } {
    const object = openObject();
    const member = get(object);
    object.close();
    return { object, member };
  }

  test('can be closed again', () => {
    const { object } = closed(() => null);
    assert.doesNotThrow(() => object.close());
  });

  test('gives no maps', () => {
    const { object } = closed(() => null);
    assert.throws(() => object.map('cells'), { code: 'EBADF' });
  });

  test('cannot be loaded', () => {
    const { object } = closed(() => null);
    assert.throws(() => object.load(), { code: 'EBADF' });
  });

  test('cannot be loaded although its programs are known', () => {
    const { object } = closed((open) => open.program('syscall_exit'));
    assert.throws(() => object.load(), { code: 'EBADF' });
  });

  test('has maps that refuse to be used', () => {
    const { member } = closed((open) => open.map('cells'));
    assert.throws(() => member.setMaxEntries(1), { code: 'EBADF' });
  });

  test('has programs that refuse to be attached', () => {
    const { member } = closed((open) => open.program('syscall_exit'));
    assert.throws(() => member.attach(), { code: 'EBADF' });
  });

  test('has programs that refuse to be asked', () => {
    const { member } = closed((open) => open.program('syscall_exit'));
    assert.throws(() => member.recursionMisses(), { code: 'EBADF' });
  });
});

suite('a refusal of the verifier', () => {
  const log = '0: (bf) r0 = r2\nR2 !read_ok\nprocessed 1 insns (limit 1000000)\n';
  const error = new LoadError(new LibbpfError('EACCES', 'Cannot load x: EACCES'), 'a_program', log);

  test('shows the line that matters', () => assert.equal(error.message, 'Cannot load x: EACCES (R2 !read_ok)'));
  test('names the program', () => assert.equal(error.program, 'a_program'));
  test('keeps the code', () => assert.equal(error.code, 'EACCES'));
  test('keeps the whole log', () => assert.equal(error.verifierLog, log));
});

test("libbpf's version is known", { skip: missing('libbpf') }, () => assert.match(libbpfVersion(), /^v\d+\.\d+$/));
