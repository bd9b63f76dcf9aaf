import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LibbpfError } from '../../src/libbpf/index.ts';
import { checkKernel, explain, missingCapabilities } from '../../src/receivers/kernel.ts';

/** `/proc/self/status` of a process with these effective capabilities. */
function status(effective: string): string {
  return `Name:\tnode\nUmask:\t0022\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\nSeccomp:\t0\n`;
}

const ALL = '000001ffffffffff';
const NONE = '0000000000000000';

suite('capabilities', () => {
  const BOTH = ['CAP_BPF', 'CAP_PERFMON'];
  const rows: [string, string, string[]][] = [
    ['of root are enough', ALL, []],
    ['of a user are not', NONE, BOTH],
    ['CAP_BPF and CAP_PERFMON are enough', '000000c000000000', []],
    ['CAP_SYS_ADMIN stands in for both, as before Linux 5.8', '0000000000200000', []],
    ['CAP_BPF alone lacks the other', '0000008000000000', ['CAP_PERFMON']],
    ['CAP_PERFMON alone lacks the other', '0000004000000000', ['CAP_BPF']],
    ['that docker gives by default are not enough', '00000000a80425fb', BOTH],
    ['of all but those three are not enough', '0000013fffdfffff', BOTH],
  ];
  for (const [name, effective, missing] of rows) {
    test(name, () => assert.deepEqual(missingCapabilities(status(effective)), missing));
  }

  test('that cannot be read are missing', () => assert.deepEqual(missingCapabilities(''), BOTH));

  test('that are permitted only do not count', () => {
    assert.deepEqual(missingCapabilities(status(NONE).replace(/CapEff.*\n/, '')), BOTH);
  });
});

suite('a kernel', () => {
  test('without BTF is refused with the cure', () => {
    assert.throws(() => checkKernel('/nonexistent/btf/vmlinux', status(ALL)), {
      name: 'KernelError',
      message: /does not describe its types in \/nonexistent\/btf\/vmlinux .*CONFIG_DEBUG_INFO_BTF=y/,
    });
  });

  test('that does not let us is refused with the cure', () => {
    assert.throws(() => checkKernel('/nonexistent', status(NONE)), {
      name: 'KernelError',
      message: /lacks CAP_BPF and CAP_PERFMON .*--cap-add BPF --cap-add PERFMON/,
    });
  });

  test('that has both is fine', () => assert.doesNotThrow(() => checkKernel('/', status(ALL))));
});

suite('an error of libbpf is explained', () => {
  const messageOf = (error: unknown) => (explain(error) as Error).message;

  test('with the locks a kernel may have for EPERM', () => {
    assert.match(messageOf(new LibbpfError('EPERM', 'Cannot load x: EPERM')), /^Cannot load x: EPERM: .*lockdown/);
  });

  test('with its own cure where libbpf is not installed', () => {
    assert.equal(
      messageOf(new LibbpfError('ENOLIB', 'Cannot open libbpf (install it)')),
      'Cannot open libbpf (install it)',
    );
  });

  test('as it is where no cure is known', () => {
    assert.equal(messageOf(new LibbpfError('EINVAL', 'Cannot load x: EINVAL')), 'Cannot load x: EINVAL');
  });

  test('and kept as the cause', () => {
    const cause = new LibbpfError('EINVAL', 'x');
    assert.equal((explain(cause) as Error).cause, cause);
  });

  test('and an error of ours is left alone', () => {
    const error = new RangeError('x');
    assert.equal(explain(error), error);
  });
});
