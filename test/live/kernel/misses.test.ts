/** Programs that the kernel leaves out: what they miss never becomes a sample. Forced by attaching only some of them. */
import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BpfProgram } from '../../../src/native/index.ts';
import { OverlayfsCounts } from '../../../src/receivers/overlayfs/counts.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { missing } from '../../support/requirements.ts';

/** By method, the programs of a read: what its entry runs, and what its exit runs; and of a write. */
const PROGRAMS = {
  fentry: ['fentry_ovl_read_iter', 'fexit_ovl_read_iter'],
  syscall: ['syscall_enter', 'syscall_exit'],
  'fentry of writes': ['fentry_ovl_write_iter', 'fexit_ovl_write_iter'],
} as const;

const objects = fileURLToPath(new URL(`../../../dist/bpf/${process.arch}/`, import.meta.url));

suite('a program that the kernel leaves out', { skip: missing('root', 'btf') }, () => {
  for (const method of ['fentry', 'syscall'] as const) {
    test(`by ${method} a start whose end was never seen is not taken for the next operation's`, (context) => {
      using kernel = load(method, context);
      if (kernel === null) return;
      const { entry, exit, read, counts } = kernel;
      entry.attach();
      read('a', 0);
      exit.attach();
      read('a', 0);
      assert.equal(samples(counts), 1);
      assert.equal(counts.misses().stale_start, 1);
    });

    test(`by ${method} a missed end and then a missed beginning do not become one operation`, (context) => {
      using kernel = load(method, context);
      if (kernel === null) return;
      const { entry, exit, read, counts } = kernel;
      entry.attach();
      read('a', 0);
      entry.detach();
      exit.attach();
      // On functions the same descriptor at another place will do; system calls tell by the descriptor.
      read(method === 'fentry' ? 'a' : 'b', 100);
      assert.equal(samples(counts), 0);
      const { stale_start, no_start } = counts.misses();
      // Where the kernel puts the stack elsewhere for each call, the end finds nothing that could be its own.
      assert.ok(stale_start + no_start > 0);
    });

    test(`by ${method} an end without a beginning is no sample`, (context) => {
      using kernel = load(method, context);
      if (kernel === null) return;
      kernel.exit.attach();
      kernel.read('a', 0);
      assert.equal(samples(kernel.counts), 0);
      // Every other system call ends without a beginning as well.
      assert.equal(kernel.counts.misses().no_start, method === 'fentry' ? 1 : 0);
    });
  }

  test('by fentry a missed end and then a missed beginning of writes with O_SYNC do not become one operation', (context) => {
    using kernel = load('fentry of writes', context);
    if (kernel === null) return;
    const { entry, exit, write, counts } = kernel;
    entry.attach();
    write(0);
    entry.detach();
    exit.attach();
    // Where the kernel puts the stack elsewhere for each call, one of so many is where the first was.
    for (let i = 0; i < 300; i++) write(100);
    assert.equal(samples(counts), 0);
  });
});

interface Kernel extends Disposable {
  readonly counts: OverlayfsCounts;
  readonly entry: BpfProgram;
  readonly exit: BpfProgram;
  /** Reads a byte of a file on an overlay. */
  read(file: 'a' | 'b', position: number): void;
  /** Writes a byte to one of them, and waits until it is on the disk. */
  write(position: number): void;
}

/** The programs of a read, loaded and not attached; null, and the test skipped, where the kernel refuses them. */
function load(method: keyof typeof PROGRAMS, context: TestContext): Kernel | null {
  const [entryName, exitName] = PROGRAMS[method];
  using stack = new DisposableStack();
  const overlay = stack.use(mountOverlay());
  const files = Object.fromEntries(
    ['a', 'b'].map((name) => {
      writeFileSync(join(overlay.path, name), Buffer.alloc(4096, 1));
      const fd = openSync(join(overlay.path, name), constants.O_RDWR | constants.O_SYNC);
      stack.defer(() => closeSync(fd));
      return [name, fd];
    }),
  );
  const counts = new OverlayfsCounts({
    objects,
    boundsNs: [1e9],
    pidNsInum: 0,
    maxMapEntries: 1,
    maxThreads: 1024,
    cgroupVersion: 2,
    expireMs: 60_000,
    onlyThisProcess: true,
  });
  stack.defer(() => counts.close());
  const object = counts.openPrograms([entryName, exitName], {
    taskStorage: false,
    typedLoads: false,
    untypedLoads: true,
    sleeps: false,
  });
  stack.defer(() => object.close());
  const [entry, exit] = [object.program(entryName), object.program(exitName)];
  try {
    object.load();
  } catch (error) {
    context.skip((error as Error).message);
    return null;
  }
  const owned = stack.move();
  return {
    counts,
    entry,
    exit,
    read: (file, position) => assert.equal(readSync(files[file] ?? -1, Buffer.alloc(1), 0, 1, position), 1),
    write: (position) => assert.equal(writeSync(files.a ?? -1, Buffer.alloc(1), 0, 1, position), 1),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function samples(counts: OverlayfsCounts): number {
  return counts
    .read()
    .flatMap(({ operations: { read, write } }) => [...(read?.buckets ?? []), ...(write?.buckets ?? [])])
    .reduce((sum, count) => sum + count, 0);
}
