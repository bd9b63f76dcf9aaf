/** The table of causes. Those that can be had here are forced in test/live/errors.test.ts; here are all of them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { causeOf, type Failure } from '../../src/kernel/causes.ts';
import type { Permissions } from '../../src/kernel/permissions.ts';
import { permissionsOf } from '../support/permissions.ts';

const LEAST = '000000c000000000';
const NONE = '0000000000000000';

interface Circumstances extends Partial<Omit<Permissions, 'capabilities' | 'callsBpf'>> {
  readonly effective?: string;
  readonly calls?: boolean;
}

function permissions({ calls = true, ...rest }: Circumstances): Permissions {
  return permissionsOf({ isRoot: false, callsBpf: () => calls, ...rest });
}

const [OPEN, LOAD, ATTACH, MAP, TRACEFS] = ['open', 'load', 'attach', 'map', 'tracefs'] as const;
const FENTRY = { method: 'fentry', functionName: 'ovl_read_iter' };
const KPROBE = { method: 'kprobe', functionName: 'ovl_read_iter' };
const CLASSIC = { method: 'syscall_classic', functionName: 'ovl_read_iter' };
const PROFILE_FIRST = /^in a container: --security-opt seccomp=config\/seccomp\.json.* --cap-add SYS_ADMIN$/;
const HELPER = 'program of this type cannot use helper bpf_probe_read_kernel#113';

type Tried = Pick<Failure, 'method' | 'functionName' | 'verifierLog'>;

const rows: [string, string, Failure['step'], Tried, Circumstances, RegExp, RegExp | null][] = [
  ['libbpf is not there', 'ENOLIB', undefined, {}, {}, /not installed/, /apt-get install libbpf1/],
  ['libbpf is too old', 'EOLDLIB', undefined, {}, {}, /older than 1\.0/, /1\.0 or later/],
  ['libbpf is damaged', 'EBADLIB', undefined, {}, {}, /damaged/, /--reinstall libbpf1/],
  ['a program is not there', 'ENOENT', OPEN, {}, {}, /is not there/, /reinstall/],
  ['a program cannot be read', 'EACCES', OPEN, {}, {}, /may not read/, /chmod/],
  ['a program is for another machine', 'LIBBPF_ERRNO__ENDIAN', OPEN, {}, {}, /architecture/, /reinstall/],
  ['a program is damaged', 'LIBBPF_ERRNO__FORMAT', OPEN, {}, {}, /damaged/, /reinstall/],
  ['too many files are open', 'EMFILE', LOAD, {}, {}, /open files/, /ulimit -n/],
  ['of no capability', 'EPERM', LOAD, {}, { effective: NONE }, /lacks CAP_BPF and CAP_PERFMON/, /--cap-add BPF/],
  ['of one capability', 'EPERM', LOAD, {}, { effective: '0000008000000000' }, /lacks CAP_PERFMON$/, /PERFMON/],
  ['of a user namespace', 'EPERM', LOAD, {}, { inUserNamespace: true }, /user namespace/, /hostUsers/],
  ['of seccomp', 'EPERM', LOAD, {}, { hasSeccompFilter: true, calls: false }, /seccomp/, PROFILE_FIRST],
  [
    'of seccomp, which hides it',
    'ENOSYS',
    LOAD,
    {},
    { hasSeccompFilter: true, calls: false },
    /seccomp/,
    PROFILE_FIRST,
  ],
  ['the kernel is without', 'ENOSYS', LOAD, {}, {}, /no bpf\(\)/, /CONFIG_BPF_SYSCALL/],
  [
    'of locked memory',
    'EPERM',
    LOAD,
    {},
    { effective: LEAST, memlockCounts: true },
    /65536 bytes/,
    /LimitMEMLOCK=infinity/,
  ],
  ['of lockdown, for tracefs', 'EPERM', TRACEFS, KPROBE, { lockdown: 'confidentiality' }, /locked down/, /integrity/],
  [
    'of lockdown, for reading memory',
    'EINVAL',
    LOAD,
    { verifierLog: HELPER },
    { lockdown: 'confidentiality' },
    /locked down/,
    /integrity/,
  ],
  [
    'of lockdown, for an empty tracefs',
    'ENOENT',
    TRACEFS,
    {},
    { lockdown: 'confidentiality' },
    /tracefs empty/,
    /integrity/,
  ],
  ['tracefs is not ours', 'EACCES', TRACEFS, KPROBE, { effective: LEAST }, /belongs to root/, /CAP_DAC_OVERRIDE/],
  ['a tracepoint is not ours', 'EACCES', ATTACH, CLASSIC, { effective: LEAST }, /belongs to root/, /CAP_DAC_READ/],
  [
    'of perf_event_paranoid',
    'EACCES',
    ATTACH,
    CLASSIC,
    { effective: LEAST, isRoot: true, perfEventParanoid: 3 },
    /perf_event_paranoid is 3.*CAP_SYS_ADMIN/,
    /sysctl kernel\.perf_event_paranoid=2/,
  ],
  ['of seccomp, for perf', 'EPERM', ATTACH, CLASSIC, { hasSeccompFilter: true }, /perf_event_open/, PROFILE_FIRST],
  [
    'of SELinux',
    'EACCES',
    LOAD,
    {},
    { securityModules: ['capability', 'selinux'] },
    /SELinux forbids/,
    /label=disable/,
  ],
  [
    'fentry is not allowed',
    'EPERM',
    LOAD,
    FENTRY,
    { lockdown: 'integrity', securityModules: ['lockdown', 'bpf'], hasSeccompFilter: true },
    /does not allow fentry programs; lockdown: integrity$/,
    null,
  ],
  ['fentry finds no function', 'ESRCH', LOAD, FENTRY, {}, /"ovl_read_iter" is not in the kernel's BTF/, /module/],
  [
    'fentry may not look',
    'EPERM',
    LOAD,
    FENTRY,
    { effective: LEAST, overlayHasBtf: true },
    /CAP_SYS_ADMIN only/,
    /SYS_ADMIN/,
  ],
  ['fentry is not allowed to the least', 'EPERM', LOAD, FENTRY, { effective: LEAST }, /does not allow fentry/, null],
  ['there is no fentry', 'ENOTSUPP', ATTACH, FENTRY, {}, /no fentry on this architecture/, null],
  ['another one is attached', 'EBUSY', ATTACH, FENTRY, {}, /live patch/, /enabled_functions/],
  ['too many are attached', 'E2BIG', ATTACH, FENTRY, {}, /too many programs/, /bpftool/],
  ['a kprobe finds no function', 'ENOENT', TRACEFS, KPROBE, {}, /no function "ovl_read_iter"/, /module/],
  [
    'a newer kernel finds no function',
    'EINVAL',
    TRACEFS,
    KPROBE,
    {},
    /no function "ovl_read_iter", or several/,
    /module/,
  ],
  ['tracefs is not mounted', 'ENOENT', TRACEFS, {}, {}, /not mounted/, /mount -t tracefs/],
  ['a tracepoint is not found', 'ENOENT', ATTACH, CLASSIC, {}, /not mounted/, /mount -t tracefs/],
  ['tracefs is read-only', 'EROFS', TRACEFS, KPROBE, {}, /read-only/, /remount,rw/],
  ['tracefs is busy', 'EBUSY', TRACEFS, KPROBE, {}, /another tracer/, /kprobe_events/],
  ['there are no kprobes', 'ENOTSUP', TRACEFS, KPROBE, {}, /CONFIG_KPROBE_EVENTS/, null],
  ['a helper is missing', 'EINVAL', LOAD, { verifierLog: HELPER }, {}, /lacks bpf_probe_read_kernel/, /5\.8/],
  [
    'a type is another',
    'EINVAL',
    LOAD,
    { verifierLog: 'invalid func unknown#195896080\nunknown func ?#195896080' },
    {},
    /a type of this kernel/,
    /report/,
  ],
  [
    'the program is too complex',
    'E2BIG',
    LOAD,
    { verifierLog: 'BPF program is too large. Processed 1000001 insn' },
    {},
    /too complex/,
    /report/,
  ],
  ['a map is too large', 'E2BIG', LOAD, {}, {}, /not enough memory/, /max_map_entries/],
  ['memory is out', 'ENOMEM', LOAD, {}, {}, /not enough memory/, /max_map_entries/],
  ['memory is out when mapping', 'ENOMEM', MAP, {}, {}, /not enough memory/, /max_map_entries/],
  ['signals came', 'EAGAIN', LOAD, {}, {}, /interrupted/, /start it again/],
  ['the kernel is too old', 'EINVAL', LOAD, {}, {}, /older than Linux 5\.8/, /5\.8/],
  ['the verifier says no', 'EACCES', LOAD, { verifierLog: 'R1 invalid mem access' }, {}, /verifier/, /report/],
  [
    'nobody knows why',
    'EPERM',
    LOAD,
    {},
    { lockdown: null, securityModules: null },
    /does not allow it; lockdown: unknown$/,
    /who runs/,
  ],
];

suite('the cause is known when', () => {
  for (const [name, code, step, tried, circumstances, why, cure] of rows) {
    test(`${name} (${code})`, () => {
      const cause = causeOf({ code, step, ...tried }, permissions(circumstances));
      assert.match(cause?.why ?? '', why);
      if (cure === null) assert.equal(cause?.cure, undefined);
      else assert.match(cause?.cure ?? '', cure);
    });
  }
});

test('a cause that is not known is not invented', () => {
  assert.equal(causeOf({ code: 'EBADF', step: undefined }, permissions({})), null);
});
