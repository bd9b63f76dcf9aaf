import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { BpfObject } from '../../../src/native/index.ts';
import { CAUSES, type Cause } from '../../../src/receivers/overlayfs/causes.ts';
import { attachSleeps } from '../../../src/receivers/overlayfs/sleeps.ts';

const SINCE_5_13 = Buffer.from('\0BPF_FUNC_snprintf_btf\0BPF_FUNC_snprintf\0');

/** @param refused the programs that this kernel does not attach */
function told(refused: RegExp, btf = SINCE_5_13): { causes: Cause[]; attached: string[] } {
  const attached = new Set<string>();
  const program = (name: string) => ({
    attach() {
      if (refused.test(name)) throw new Error(`${name} is refused`);
      attached.add(name);
    },
    detach: () => attached.delete(name),
  });
  return { causes: attachSleeps({ program } as unknown as BpfObject, btf), attached: [...attached] };
}

const allBut = (...causes: Cause[]): Cause[] => CAUSES.filter((cause) => !causes.includes(cause));
const NONE = /^$/;

suite('the causes that are told apart', () => {
  test('are all where the kernel has every tracepoint', () => {
    assert.deepEqual(told(NONE).causes, CAUSES);
  });

  test('lack those that a tracepoint tells which the kernel does not have', () => {
    assert.deepEqual(told(/lock_/).causes, allBut('lock'));
    assert.deepEqual(told(/throttle/).causes, allBut('dirty_throttle'));
    const { causes, attached } = told(/memcg_end/);
    assert.deepEqual(causes, allBut('memory'));
    // A begin without its end would never end.
    assert.deepEqual(
      attached.filter((name) => /memcg|direct/.test(name)),
      [],
    );
  });

  test('have the one of two forms of a tracepoint that the kernel has', () => {
    assert.deepEqual(told(/^sleeps_throttle$/).causes, CAUSES);
  });

  test('lack those that the name of a function tells, where the kernel gives no names: before Linux 5.13', () => {
    assert.deepEqual(told(NONE, Buffer.from('\0BPF_FUNC_snprintf_btf\0')).causes, allBut('commit', 'remote'));
  });

  test('are none where no sleep can be followed', () => {
    assert.throws(() => told(/switch/), /sleeps_switch is refused/);
  });
});
