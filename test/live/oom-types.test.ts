/** A kernel whose types are others than those that Floatie knows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withOtherRssStat } from '../support/btf.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { missing } from '../support/requirements.ts';

test('a kernel that keeps rss in a way that is not known has no rss in its records, but all the rest', {
  skip: missing('root', 'btf'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-types-'));
  try {
    writeFileSync(join(folder, 'vmlinux'), withOtherRssStat());
    // Without the kernel's report, which has these numbers.
    const script =
      'mount --bind "$1/vmlinux" /sys/kernel/btf/vmlinux && mount --bind /dev/null /dev/kmsg && shift && exec "$@"';
    const command = ['unshare', '--mount', 'sh', '-c', script, 'sh', folder, process.execPath, MAIN];
    await using floatie = await startFloatie([], { command });
    await using cgroup = createCgroup('types');
    limit(cgroup, 32);
    const child = hog(cgroup, 'types', 100);
    await once(child, 'exit');
    const record = await eventually('the kill is in the log', () =>
      floatie.log.find(({ message }) => message === 'OOM kill'),
    );
    const { anon_rss_bytes, file_rss_bytes, shmem_rss_bytes, victim_pid, cgroup: path, total_vm_bytes } = record;
    assert.deepEqual([anon_rss_bytes, file_rss_bytes, shmem_rss_bytes], [undefined, undefined, undefined]);
    assert.deepEqual([victim_pid, path], [child.pid, cgroup.name]);
    assert.ok(Number(total_vm_bytes) > 32 << 20, String(total_vm_bytes));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
