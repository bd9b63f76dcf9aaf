/**
 * `npm run docs:seccomp`: traces Floatie in every mode that this machine supports, and writes its system calls to
 * config/seccomp.json, for `docker run --security-opt seccomp=config/seccomp.json`.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../test/support/certificates.ts';
import { eventually } from '../test/support/eventually.ts';
import { MAIN, startFloatie } from '../test/support/floatie.ts';
import { folder, peer } from '../test/support/peers.ts';
import { scrapeTls } from '../test/support/tls-scrape.ts';

const TARGET = new URL('../config/seccomp.json', import.meta.url);

/** Calls of the runtime after it has loaded the filter, and of the image's command before Floatie's first call. */
const OF_THE_START = [
  'capget',
  'capset',
  'prctl',
  'execve',
  'chdir',
  'fchdir',
  'setuid',
  'setgid',
  'setgroups',
  'setresuid',
  'setresgid',
  'umask',
  'kill',
  'tgkill',
  'getppid',
  'fchown',
  'close_range',
  'futex',
  'nanosleep',
  'waitid',
  'wait4',
  'setsid',
  'dup',
  'fstatfs',
  'statfs',
  'pidfd_open',
  'pidfd_send_signal',
  'epoll_ctl',
  'getpid',
];

/** Traced of examples/embedded: what a shell, setpriv and an application in Python call besides. */
const OF_AN_APPLICATION = ['getpgrp', 'getresgid', 'getresuid', 'rt_sigsuspend', 'vfork'];

/** Groups of calls that replace each other with another architecture, C library, kernel or Node. */
const KIN: readonly (readonly string[])[] = [
  ['access', 'faccessat', 'faccessat2'],
  ['open', 'openat', 'openat2'],
  ['stat', 'lstat', 'fstat', 'newfstatat', 'statx'],
  ['readlink', 'readlinkat'],
  ['mkdir', 'mkdirat'],
  ['unlink', 'rmdir', 'unlinkat'],
  ['clone', 'clone3'],
  ['dup', 'dup2', 'dup3'],
  ['pipe', 'pipe2'],
  ['poll', 'ppoll'],
  ['epoll_create', 'epoll_create1'],
  ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'],
  ['accept', 'accept4'],
  ['sendto', 'sendmsg', 'sendmmsg'],
  ['recvfrom', 'recvmsg', 'recvmmsg'],
  ['read', 'readv', 'pread64', 'preadv', 'preadv2'],
  ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'],
  ['getrlimit', 'setrlimit', 'prlimit64'],
  ['clock_nanosleep', 'nanosleep', 'clock_gettime', 'clock_getres', 'gettimeofday', 'time'],
  ['getdents', 'getdents64'],
  ['statfs', 'fstatfs'],
];
/**
 * Calls of the C library, V8 and Floatie that not every run makes: for DNS lookups, for threads, and with kprobes or
 * more capabilities.
 */
const ALWAYS = [
  'poll',
  'ppoll',
  'exit',
  'exit_group',
  'restart_syscall',
  'rt_sigreturn',
  'rt_sigtimedwait',
  'sigaltstack',
  'sched_yield',
  'mremap',
  'madvise',
  'membarrier',
  'tgkill',
  'getrandom',
  'getcpu',
  'shutdown',
  'connect',
  'getpeername',
  'getsockopt',
  'perf_event_open',
  'getrusage',
  'fsync',
  'open_by_handle_at',
];
/** libuv tries these and falls back to epoll. */
const NEVER = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];

/** The names in the last column of strace's summary. */
function namesIn(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^[a-z_0-9]+$/.test(line) && !['syscall', 'total'].includes(line));
}

async function traced(): Promise<Set<string>> {
  using files = folder({ 'floatie.yaml': '' });
  using authority = createAuthority();
  const server = authority.issue('server');
  const web = join(files.path, 'web.yml');
  writeFileSync(web, `tls_server_config: { cert_file: ${server.cert}, key_file: ${server.key} }\n`);
  const names = new Set<string>();
  let runs = 0;
  const tracing = (): { file: string; command: string[] } => {
    const file = join(files.path, `trace.${++runs}`);
    // In a mount namespace, so that mounting tracefs, for kprobes and tracepoints, does not change this machine.
    const mounts = 'mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"';
    const strace = [peer('strace'), '-f', '-qq', '-c', '-U', 'name', '-o', file];
    return { file, command: ['unshare', '--mount', 'sh', '-c', mounts, 'sh', ...strace, process.execPath, MAIN] };
  };
  const note = (file: string): void => {
    for (const name of namesIn(file)) names.add(name);
  };
  for (const args of [['validate'], ['doctor'], ['print-config'], ['--help']]) {
    const { file, command } = tracing();
    spawnSync(command[0] ?? '', [...command.slice(1), ...args], { stdio: 'ignore' });
    note(file);
  }
  const modes: string[][] = [
    [],
    ['--set', `exporters.prometheus.web_config_file=${web}`],
    [
      '--set',
      'service.pipelines.metrics.exporters=[prometheus,otlp,otlphttp,debug]',
      '--set',
      'exporters.otlp.endpoint=http://127.0.0.1:1',
      '--set',
      'exporters.otlphttp.endpoint=http://127.0.0.1:1',
    ],
    ['--set', 'containers.names=true'],
  ];
  for (const args of modes) {
    const { file, command } = tracing();
    const floatie = await startFloatie(args, { command });
    const scrape = (): Promise<unknown> =>
      floatie.url.startsWith('https:') ? scrapeTls(floatie.url, authority.pem) : floatie.scrape();
    for (let at = 0; at < 3; at++) await scrape();
    // The started process is strace; Floatie is its child.
    const { pid } = floatie.process;
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    process.kill(child, 'SIGHUP');
    await eventually('it has read its configuration again', () =>
      floatie.log.some(({ message }) => /reloaded/i.test(message)),
    );
    process.kill(child, 'SIGTERM');
    await once(floatie.process, 'exit');
    note(file);
  }
  return names;
}

const names = await traced();
for (const kin of KIN) if (kin.some((name) => names.has(name))) for (const name of kin) names.add(name);
for (const name of [...ALWAYS, ...OF_THE_START, ...OF_AN_APPLICATION]) names.add(name);
for (const name of NEVER) names.delete(name);
const profile = {
  // ENOSYS for unknown calls, such as those of a later C library, which then falls back to older ones.
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
  syscalls: [{ names: [...names].sort(), action: 'SCMP_ACT_ALLOW' }],
};
writeFileSync(TARGET, `${JSON.stringify(profile, null, 2)}\n`);
