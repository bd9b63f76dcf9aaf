import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkKernel, explain } from '../../src/kernel/explain.ts';
import { type Permissions, readPermissions } from '../../src/kernel/permissions.ts';
import { LibbpfError } from '../../src/native/index.ts';
import { type Refusal, reasonFor } from '../../src/program/refusal.ts';

/** `/proc/self/status` of a process with these effective capabilities. */
function status(effective: string): string {
  return `Name:\tnode\nUmask:\t0022\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n`;
}

const ALL = '000001ffffffffff';
const NONE = '0000000000000000';

suite('a kernel', () => {
  test('without BTF is refused with the cure', () => {
    assert.throws(() => checkKernel('/nonexistent/btf/vmlinux', status(ALL)), {
      name: 'Refusal',
      message: /does not describe its types in \/nonexistent\/btf\/vmlinux .*CONFIG_DEBUG_INFO_BTF=y/,
    });
  });

  test('that does not let us is refused with the cure', () => {
    assert.throws(() => checkKernel('/nonexistent', status(NONE)), {
      name: 'Refusal',
      message: /lacks CAP_BPF and CAP_PERFMON .*--cap-add BPF --cap-add PERFMON/,
    });
  });

  test('that has both is fine', () => assert.doesNotThrow(() => checkKernel('/', status(ALL))));
});

suite('an error is explained', () => {
  const permissions = (): Permissions =>
    readPermissions(
      () => '',
      '6.12.0',
      () => true,
    );
  const explained = (error: unknown): unknown => explain(error, {}, permissions);

  test('with what could not be done, why, and the cure', () => {
    const cause = new LibbpfError('EAGAIN', 'Cannot load x: EAGAIN', { step: 'load' });
    const error = explained(cause) as Refusal;
    assert.equal(error.message, 'Cannot load x: EAGAIN: signals interrupted the verifier (start it again)');
    assert.deepEqual([error.why, error.cure], ['signals interrupted the verifier', 'start it again']);
    assert.equal(error.cause, cause);
  });

  test('shorter where it is clear what could not be done', () => {
    const error = explained(new LibbpfError('EAGAIN', 'Cannot load x: EAGAIN', { step: 'load' }));
    assert.equal(reasonFor(error), 'signals interrupted the verifier (start it again)');
    assert.equal(reasonFor(new Error('x')), 'x');
  });

  test('as it is where no cause is known', () => {
    const error = new LibbpfError('EBADF', 'Cannot use x: it is closed');
    assert.equal(explained(error), error);
  });

  test('and one of ours is left alone', () => {
    const error = new RangeError('x');
    assert.equal(explained(error), error);
  });
});
