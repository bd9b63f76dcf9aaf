/** What lives keeps its counts, also where Floatie cannot see it: nothing falls, long after a removed cgroup would be retired. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { joinRaw, type RawPath, rawPath } from '../../src/kernel/raw-path.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';

const COUNT = 'floatie_overlayfs_write_latency_us_count';
/** The least there can be, and the time in which a retired cgroup would be seen, in ms. */
const EXPIRE_MS = 1000;
const WATCH_MS = 3 * EXPIRE_MS;

const UNMOUNT = `
  grep -E ' - cgroup2? ' /proc/self/mountinfo | cut -d' ' -f5 | sort -r | while read mount; do umount -l "$mount"; done
  exec "$@"`;

suite('a cgroup that lives keeps its counts', { skip: missing('root', 'btf', 'mount namespaces') }, () => {
  test('where no hierarchy is visible', async () => {
    const command = ['unshare', '--mount', 'sh', '-c', UNMOUNT, 'sh', process.execPath, MAIN];
    await watch({ cgroup: `/floatie-unseen-${process.pid}`, label: 'unknown', command });
  });

  test('with a name that is no UTF-8', async () => {
    const cgroup = rawPath(`/floatie-bad\xffname-${process.pid}`);
    await watch({ cgroup, label: cgroup.toString(), command: [process.execPath, MAIN] });
  });

  test('with a name that is no UTF-8, where nothing can be looked up by its number', async () => {
    const cgroup = rawPath(`/floatie-worse\xffname-${process.pid}`);
    const without = ['--bounding-set', '-dac_read_search', '--inh-caps', '-dac_read_search'];
    await watch({ cgroup, label: cgroup.toString(), command: ['setpriv', ...without, process.execPath, MAIN] });
  });
});

interface Watched {
  readonly cgroup: RawPath;
  /** The cgroup as its series calls it. */
  readonly label: string;
  readonly command: readonly string[];
}

/** Writes, does nothing for a while, and writes again: each write is counted, and none is forgotten meanwhile. */
async function watch({ cgroup, label, command }: Watched): Promise<void> {
  using overlay = mountOverlay();
  await using writer = await startWriter(cgroup, join(overlay.path, 'file'));
  await using floatie = await startFloatie(['--set', `receivers.overlayfs.expire_ms=${EXPIRE_MS}`], { command });
  let last = 0;
  const look = async (): Promise<number> => {
    const now = (await floatie.scrape()).sum(COUNT, { cgroup: label });
    assert.ok(now >= last, `${now} writes after ${last}`);
    last = now;
    return now;
  };
  let written = await writer.write();
  await eventually('the first writes are counted', async () => (await look()) >= written);
  const begun = performance.now();
  while (performance.now() - begun < WATCH_MS) {
    await sleep(EXPIRE_MS / 5);
    await look();
  }
  written += await writer.write();
  await eventually('all writes are counted', async () => (await look()) >= written);
}

/** A process in a cgroup of this name that makes 100 writes each time it is told to. */
async function startWriter(cgroup: RawPath, file: string): Promise<{ write(): Promise<number> } & AsyncDisposable> {
  const path = joinRaw(findHierarchy().mount ?? '', cgroup);
  mkdirSync(path);
  const script = 'while read line; do dd if=/dev/zero of="$1" bs=1 count=100 2>/dev/null; echo done; done';
  const shell = spawn('sh', ['-c', script, 'sh', file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(shell, 'exit');
  writeFileSync(joinRaw(path, 'cgroup.procs'), String(shell.pid));
  const lines = createInterface({ input: shell.stdout });
  return {
    async write() {
      shell.stdin.write('\n');
      await once(lines, 'line');
      return 100;
    },
    async [Symbol.asyncDispose]() {
      shell.stdin.end();
      await exited;
      await eventually('the cgroup can be removed', () => {
        try {
          rmdirSync(path);
          return true;
        } catch {
          return false;
        }
      });
    },
  };
}
