import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { linesOf } from '../../../src/commands/doctor/checks.ts';
import type { Examination } from '../../../src/commands/doctor/examine.ts';
import type { Capability } from '../../../src/kernel/permissions.ts';
import type { Finding } from '../../../src/program/check.ts';
import type { Checks } from '../../../src/receivers/checks.ts';
import { examination } from './examination.ts';

const PRESSURE_ONLY = ['service.pipelines.metrics.receivers=[pressure]'];
const WITHOUT_START = { error: new Error('nothing works') };
const NONE = '0000000000000000';
const LEAST = '000000c000000000';
const SYS_ADMIN = '0000000000200000';
const before511 = { memlockCounts: true } as const;

function look(name: string, at: Examination): Finding {
  const check = linesOf(at)[name];
  assert.ok(check, name);
  return check();
}

/** The checks of a receiver that loses something without a capability. */
const loses = (...capabilities: Capability[]): Checks => ({ receiver: {}, capabilities });

const rows: [string, string, Examination, Finding['verdict'], RegExp][] = [
  ['a capability that is held', 'cap_bpf', examination(), 'ok', /^held/],
  ['one that is missing', 'cap_bpf', examination({ effective: NONE, receivers: WITHOUT_START }), 'fail', /^missing/],
  [
    'one that is missing for nothing',
    'cap_bpf',
    examination({ set: PRESSURE_ONLY, effective: NONE }),
    'unneeded',
    /^missing/,
  ],
  ['one that another one stands in for', 'cap_bpf', examination({ effective: SYS_ADMIN }), 'unneeded', /^missing/],
  [
    'one of a user namespace',
    'cap_bpf',
    examination({ permissions: { inUserNamespace: true }, receivers: WITHOUT_START }),
    'fail',
    /user namespace/,
  ],
  [
    'CAP_SYS_ADMIN',
    'cap_sys_admin',
    examination({ effective: LEAST, checks: [loses('CAP_SYS_ADMIN')] }),
    'warn',
    /exact/,
  ],
  ['CAP_SYS_RESOURCE', 'cap_sys_resource', examination({ effective: LEAST }), 'unneeded', /before Linux 5\.11/],
  [
    'CAP_SYS_RESOURCE where memory is short',
    'cap_sys_resource',
    examination({ effective: LEAST, permissions: before511 }),
    'warn',
    /locked memory/,
  ],
  ['CAP_SYSLOG where the OOM killer is followed', 'cap_syslog', examination({ effective: LEAST }), 'unneeded', /log/],
  [
    'CAP_SYSLOG where it is not',
    'cap_syslog',
    examination({ effective: LEAST, checks: [loses('CAP_SYSLOG')] }),
    'warn',
    /log/,
  ],
  ['no lockdown', 'lockdown', examination(), 'ok', /^none$/],
  [
    'lockdown for integrity',
    'lockdown',
    examination({ permissions: { lockdown: 'integrity' } }),
    'ok',
    /forbids no tracing/,
  ],
  [
    'lockdown for confidentiality',
    'lockdown',
    examination({ permissions: { lockdown: 'confidentiality' }, receivers: WITHOUT_START }),
    'fail',
    /may not read/,
  ],
  [
    'lockdown that cannot be seen',
    'lockdown',
    examination({ permissions: { lockdown: null } }),
    'unknown',
    /securityfs/,
  ],
  ['security modules', 'security_modules', examination(), 'ok', /^capability$/],
  [
    'those that cannot be seen',
    'security_modules',
    examination({ permissions: { securityModules: null } }),
    'unknown',
    /securityfs/,
  ],
  ['no seccomp filter', 'seccomp', examination(), 'ok', /no filter/],
  ['one that lets it through', 'seccomp', examination({ permissions: { hasSeccompFilter: true } }), 'ok', /lets bpf/],
  [
    'one that does not',
    'seccomp',
    examination({ permissions: { hasSeccompFilter: true, callsBpf: () => false }, receivers: WITHOUT_START }),
    'fail',
    /forbids bpf/,
  ],
  [
    'one that may or may not',
    'seccomp',
    examination({ effective: NONE, permissions: { hasSeccompFilter: true, callsBpf: () => false } }),
    'unknown',
    /nothing shows/,
  ],
  ['the sysctl', 'unprivileged_bpf', examination(), 'ok', /is 2: loading programs needs CAP_BPF/],
  [
    'the sysctl that cannot be read',
    'unprivileged_bpf',
    examination({ permissions: { unprivilegedBpfDisabled: null } }),
    'unknown',
    /cannot be read/,
  ],
  ['locked memory since Linux 5.11', 'memlock', examination(), 'ok', /no limit for BPF/],
  ['locked memory of root before', 'memlock', examination({ permissions: before511 }), 'ok', /may raise/],
  [
    'no limit of it',
    'memlock',
    examination({ permissions: { ...before511, memlockBytes: Infinity } }),
    'ok',
    /no limit/,
  ],
  [
    'a limit of it',
    'memlock',
    examination({ effective: LEAST, permissions: before511, receivers: WITHOUT_START }),
    'fail',
    /65536 bytes/,
  ],
  [
    'a limit that is enough',
    'memlock',
    examination({ effective: LEAST, permissions: before511 }),
    'warn',
    /65536 bytes/,
  ],
  ['the compiler of BPF', 'bpf_jit', examination(), 'ok', /on/],
  ['none', 'bpf_jit', examination({ permissions: { bpfJit: false } }), 'warn', /interpreted/],
  ['one that cannot be seen', 'bpf_jit', examination({ permissions: { bpfJit: null } }), 'unknown', /root of the host/],
];

suite('the doctor says of', () => {
  for (const [name, check, at, verdict, reason] of rows) {
    test(`${name} that it is ${verdict}`, () => {
      const found = look(check, at);
      assert.equal(found.verdict, verdict, found.reason);
      assert.match(found.reason, reason);
      if (verdict === 'fail' || verdict === 'warn') assert.ok(found.cure, found.reason);
    });
  }
});
