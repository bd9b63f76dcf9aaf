/** The least that a process needs, tried on the whole way from opening the object to running programs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withOnly } from '../../support/doctor.ts';
import { missing } from '../../support/requirements.ts';

const file = (path: string): string => JSON.stringify(fileURLToPath(new URL(`../../../${path}`, import.meta.url)));

const ATTACH = `
  const { OverlayfsCounts } = await import(${file('src/receivers/overlayfs/counts.ts')});
  const { attachProbes } = await import(${file('src/receivers/overlayfs/probes.ts')});
  const counts = new OverlayfsCounts({
    objects: ${file(`dist/bpf/${process.arch}`)},
    ...{ boundsNs: [1000], expireMs: 0, pidNsInum: 0, maxMapEntries: 16, maxThreads: 16, cgroupVersion: 2 },
  });
  const probes = attachProbes(counts, 'syscall');
  console.log(probes.method);
  probes.detach();
  counts.close();
`;

test('CAP_BPF and CAP_PERFMON are enough to follow system calls', { skip: missing('root', 'btf') }, () => {
  // Before Linux 5.11 maps and programs are locked memory. By its path, since a guest's shell has a setpriv that knows less.
  const limit = ['sh', '-c', 'ulimit -l unlimited 2>/dev/null; exec /bin/"$0" "$@"'];
  const [command = '', ...args] = [...limit, ...withOnly('bpf', 'perfmon'), process.execPath, '--input-type=module'];
  const { status, signal, stdout, stderr } = spawnSync(command, [...args, '-e', ATTACH], { encoding: 'utf8' });
  assert.deepEqual({ stdout, status, signal }, { stdout: 'syscall\n', status: 0, signal: null }, stderr);
});
