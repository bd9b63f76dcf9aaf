/** A receiver by a way to attach that this kernel may refuse, and whether it counted the operations that were tried. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Method } from '../../src/receivers/overlayfs/probes.ts';
import type { OverlayfsOptions, OverlayfsReceiver } from '../../src/receivers/overlayfs/receiver.ts';
import { differences, type Tried } from './operations.ts';
import { attempted, OPTIONS } from './overlayfs-receiver.ts';
import { mountTracefs } from './tracefs.ts';

/** What misses nothing on this kernel; no kernel interrupts programs on kprobes and on classic tracepoints. */
const EXACT = process.env.TEST_EXACT?.split(',') ?? ['kprobe', 'syscall_classic'];

/** null where this kernel does not let it: then the test is skipped, with the reason. */
export async function attachedBy(
  method: Method | 'auto',
  context: TestContext,
  options: Partial<OverlayfsOptions> = {},
): Promise<(AsyncDisposable & { it: OverlayfsReceiver }) | null> {
  await using stack = new AsyncDisposableStack();
  stack.use(mountTracefs());
  const attach = method === 'auto' ? {} : { attach: method, tryBy: async () => null };
  const receiver = await attempted({ ...OPTIONS, maxMapEntries: 256, ...attach, ...options });
  if (receiver instanceof Error) {
    context.skip(receiver.message);
    return null;
  }
  const { it } = stack.use(receiver);
  if (method !== 'auto') assert.equal(it.method, method);
  const rest = stack.move();
  return { it, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

/** All is counted as documented, or counted as missed. @returns what was found */
export function assertCounted(receiver: OverlayfsReceiver, tried: readonly Tried[]): string {
  const { method } = receiver;
  const { skipped_entry, skipped_exit, no_start } = receiver.misses();
  // On system calls an exit without an entry is that of any other call.
  const missed = skipped_exit + (method?.startsWith('syscall') ? skipped_entry : no_start);
  if (method !== null && EXACT.includes(method)) assert.equal(missed, 0);
  const isOnFunctions = method === 'fentry' || method === 'kprobe';
  assert.deepEqual(
    tried.flatMap((each) => differences(each, isOnFunctions, missed)),
    [],
  );
  return missed === 0 ? 'exact' : `${missed} missed`;
}
