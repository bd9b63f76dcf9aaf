/** What a test needs of the machine; where it is missing, the test is skipped and says so in one line. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { fixture } from './fixtures.ts';

const checks = {
  clang: () => runs('clang', '--version') || 'clang',
  libbpf: () => globSync('/{usr/,}lib{,64}/{,*/}libbpf.so.1').length > 0 || 'libbpf.so.1',
  bpftrace: () => runs('bpftrace', '--version') || 'bpftrace',
  tmux: () => runs('tmux', '-V') || 'tmux',
  zsh: () => runs('zsh', '--version') || 'zsh',
  fish: () => runs('fish', '--version') || 'fish',
  man: () => runs('man', '--version') || 'man (man-db)',
  openssl: () => runs('openssl', 'version') || 'openssl',
  programs: () =>
    existsSync(`${import.meta.dirname}/../../dist/bpf/${process.arch}`) || 'compiled BPF programs (npm run build)',
  root: () => process.getuid?.() === 0 || 'root',
  btf: () => existsSync('/sys/kernel/btf/vmlinux') || 'a kernel with BTF',
  fuse: () => existsSync('/dev/fuse') || '/dev/fuse',
  pressure: () => existsSync('/proc/pressure/memory') || 'pressure information (psi=1)',
  'pid namespaces': () => runs('unshare', '--pid', '--fork', 'true') || 'unshare --pid',
  'mount namespaces': () => runs('unshare', '--mount', 'true') || 'unshare --mount',
  guest: () => process.env.TEST_CGROUP !== undefined || 'a machine of its own to fill up (npm run test:kernels)',
  setcap: () => existsSync('/usr/sbin/setcap') || existsSync('/sbin/setcap') || 'setcap (libcap2-bin)',
  systemd: () => process.env.TEST_CGROUP === 'systemd' || 'a systemd of its own (npm run test:kernels)',
  x86: () => process.arch === 'x64' || 'an x86-64 machine',
  '32-bit calls': () =>
    (process.arch === 'x64' && hasCompat()) || "the system calls of 32-bit programs (the kernel's ia32_emulation)",
} as const;

export type Requirement = keyof typeof checks;

/** For node:test's `skip`: false, or what is missing. */
export function missing(...requirements: Requirement[]): string | false {
  const lacking = requirements.map((name) => checks[name]()).filter((result) => typeof result === 'string');
  return lacking.length === 0 ? false : `this machine lacks ${lacking.join(', ')}`;
}

function hasCompat(): boolean {
  try {
    return runs(fixture('compat'));
  } catch {
    return false; // nothing compiles it here
  }
}

function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
