import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf } from '../../../src/commands/doctor/checks.ts';
import { ok } from '../../../src/program/check.ts';
import type { Checks } from '../../../src/receivers/checks.ts';
import { examination } from './examination.ts';

test('the checks of receivers stand where people look for them, those of the first receiver first', () => {
  const line = () => ok('fine');
  const checks: Checks[] = [
    { kernel: { overlay: line }, containers: { storage_drivers: line }, receiver: { 'overlayfs.fentry': line } },
    { receiver: { 'oom.fentry': line, kernel_log: line } },
  ];
  assert.deepEqual(Object.keys(linesOf(examination({ checks }))), [
    ...['kernel', 'btf', 'overlay', 'libbpf', 'programs'],
    ...['cap_bpf', 'cap_perfmon', 'cap_sys_admin', 'cap_sys_resource', 'cap_syslog', 'cap_dac_read_search'],
    ...[
      'lockdown',
      'security_modules',
      'seccomp',
      'unprivileged_bpf',
      'memlock',
      'bpf_jit',
      'cgroups',
      'pid_namespace',
    ],
    ...['storage_drivers', 'names.docker', 'names.containerd', 'names.storage'],
    ...['overlayfs.fentry', 'oom.fentry', 'kernel_log'],
  ]);
});
