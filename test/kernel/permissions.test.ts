import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { missingCapabilities } from '../../src/kernel/causes.ts';
import { capabilitiesIn, type Permissions, readPermissions } from '../../src/kernel/permissions.ts';

/** `/proc/self/status` of a process with these effective capabilities. */
function status(effective: string): string {
  return `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\nSeccomp:\t2\n`;
}

const NONE = '0000000000000000';

suite('capabilities', () => {
  const BOTH = ['CAP_BPF', 'CAP_PERFMON'];
  const rows: [string, string, string[]][] = [
    ['of root are enough', '000001ffffffffff', []],
    ['of a user are not', NONE, BOTH],
    ['CAP_BPF and CAP_PERFMON are enough', '000000c000000000', []],
    ['CAP_SYS_ADMIN stands in for both, as before Linux 5.8', '0000000000200000', []],
    ['CAP_BPF alone lacks the other', '0000008000000000', ['CAP_PERFMON']],
    ['CAP_PERFMON alone lacks the other', '0000004000000000', ['CAP_BPF']],
    ['that docker gives by default are not enough', '00000000a80425fb', BOTH],
    ['of all but those three are not enough', '0000013fffdfffff', BOTH],
  ];
  const missing = (text: string): string[] => missingCapabilities({ capabilities: capabilitiesIn(text) });
  for (const [name, effective, expected] of rows) {
    test(name, () => assert.deepEqual(missing(status(effective)), expected));
  }

  test('that cannot be read are missing', () => assert.deepEqual(missing(''), BOTH));

  test('that are permitted only do not count', () => {
    assert.deepEqual(missing(status(NONE).replace(/CapEff.*\n/, '')), BOTH);
  });
});

suite('what this process may do', () => {
  function read(files: Record<string, string>, kernel = '6.12.0'): Permissions {
    const from = (path: string): string => {
      const text = files[path];
      if (text === undefined) throw new Error('ENOENT');
      return text;
    };
    return readPermissions(from, kernel, () => true);
  }

  test('is unknown where nothing tells', () => {
    const { isRoot, capabilities, memlockCounts, overlayHasBtf, callsBpf, ...rest } = read({});
    assert.deepEqual([isRoot, overlayHasBtf], [false, false]);
    assert.equal(capabilities.size, 0);
    assert.deepEqual([...new Set(Object.values(rest))], [null]);
  });

  const rows: [string, string, string, keyof Permissions, unknown][] = [
    ['a seccomp filter', '/proc/self/status', status(NONE), 'hasSeccompFilter', true],
    ['root', '/proc/self/status', 'Uid:\t1000\t0\t0\t0\n', 'isRoot', true],
    ['another user', '/proc/self/status', 'Uid:\t0\t1000\t1000\t1000\n', 'isRoot', false],
    ['a module', '/sys/kernel/btf/overlay', 'BTF', 'overlayHasBtf', true],
    ['no seccomp filter', '/proc/self/status', 'Seccomp:\t0\n', 'hasSeccompFilter', false],
    ['the first user namespace', '/proc/self/uid_map', '         0          0 4294967295\n', 'inUserNamespace', false],
    ['another user namespace', '/proc/self/uid_map', '         0       1000          1\n', 'inUserNamespace', true],
    ['lockdown', '/sys/kernel/security/lockdown', 'none [integrity] confidentiality\n', 'lockdown', 'integrity'],
    ['no lockdown', '/sys/kernel/security/lockdown', '[none] integrity confidentiality\n', 'lockdown', 'none'],
    ['a kernel that has no lockdown', '/sys/kernel/security/lsm', 'capability,yama,bpf', 'lockdown', 'none'],
    ['security modules', '/sys/kernel/security/lsm', 'capability,bpf', 'securityModules', ['capability', 'bpf']],
    ['the sysctl', '/proc/sys/kernel/unprivileged_bpf_disabled', '2\n', 'unprivilegedBpfDisabled', 2],
    ['a limit', '/proc/self/limits', 'Max locked memory         65536  65536  bytes\n', 'memlockBytes', 65536],
    ['no limit', '/proc/self/limits', 'Max locked memory  unlimited unlimited bytes\n', 'memlockBytes', Infinity],
    ['the BTF of a module', '/sys/kernel/btf/overlay', 'BTF', 'overlayHasBtf', true],
    ['no compiler of BPF', '/proc/sys/net/core/bpf_jit_enable', '0\n', 'bpfJit', false],
  ];
  for (const [name, path, text, key, expected] of rows) {
    test(`knows ${name}`, () => assert.deepEqual(read({ [path]: text })[key], expected));
  }

  for (const [kernel, counts] of [
    ['5.10.0-32-cloud-amd64', true],
    ['5.11.1', false],
    ['6.1.0', false],
    ['4.18.0-553.el8', true],
  ] as const) {
    test(`knows that on ${kernel} eBPF ${counts ? 'takes' : 'does not take'} locked memory`, () => {
      assert.equal(read({}, kernel).memlockCounts, counts);
    });
  }
});
