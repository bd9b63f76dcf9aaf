/** Operations that are slow for a known cause: one row each, of which docs/metrics.md has the table. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import type { Cause } from '../../src/receivers/overlayfs/causes.ts';
import type { Op } from '../../src/receivers/overlayfs/operations.ts';
import { isBefore } from '../live/io-kinds.ts';
import type { Cgroup } from './cgroup.ts';
import { eventually } from './eventually.ts';
import { fixture } from './fixtures.ts';
import { type JournaledDisk, mountJournaledDisk } from './journaled-disk.ts';
import { limit } from './oom.ts';
import { mountOverlay } from './overlay.ts';
import { mountSlow } from './slow.ts';
import { addSwap, lacksSwap } from './swap.ts';

// A shell may have a dd of its own, which knows less.
/** How long a flush of the slow disk takes, and an answer of the slow server; and a read or write of the disk. */
const [SLOW_US, TRANSFER_US] = [20_000, 5000];
const MEGABYTE = 1 << 20;

export interface Stage {
  /** "What operations wait for is …". */
  readonly title: string;
  readonly op: Op;
  /** The largest part of their time, of which it is at least this share. */
  readonly cause: Cause;
  readonly least: number;
  /** What it is where overlayfs' own functions are attached to. */
  readonly causeOnFunctions?: Cause;
  /** Why it cannot be staged here. */
  readonly lacks?: () => string | null;
  /** Run in the cgroup, where $1 is the overlay. */
  readonly script: string;
  /** @returns the overlay's path */
  prepare(stack: AsyncDisposableStack, cgroup: Cgroup): Promise<string> | string;
}

/** Of v1, each with a hierarchy of its own. */
const CONTROLLERS = ['blkio', 'cpu'] as const;
type Controller = (typeof CONTROLLERS)[number];
const IS_V1 = findHierarchy().version === 1;

export const STAGES: readonly Stage[] = [
  {
    title: 'the journal while what was appended is synced',
    op: 'sync',
    cause: 'commit',
    least: 0.5,
    script:
      'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/dd if=/dev/zero of="$1/f" bs=4k count=1 oflag=append conv=notrunc,fsync status=none; done',
    prepare: (stack) => onDisk(stack, SLOW_US),
  },
  {
    title: 'the journal while the data of what was appended is synced',
    op: 'sync',
    cause: 'commit',
    least: 0.5,
    script:
      'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/dd if=/dev/zero of="$1/f" bs=4k count=1 oflag=append conv=notrunc,fdatasync status=none; done',
    prepare: (stack) => onDisk(stack, SLOW_US),
  },
  {
    title: 'the device while the data of what was overwritten is synced',
    op: 'sync',
    cause: 'device',
    least: 0.8,
    script:
      'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/dd if=/dev/zero of="$1/f" bs=4k count=1 conv=notrunc,fdatasync status=none; done',
    prepare: (stack) => onDisk(stack, SLOW_US, undefined, 1),
  },
  {
    title: 'the device while a file is read that is not in the page cache',
    op: 'read',
    cause: 'device',
    least: 0.8,
    script: '/bin/dd if="$1/f" of=/dev/null bs=128k status=none',
    prepare: (stack) => onDisk(stack, 0, TRANSFER_US, 8),
  },
  {
    title: 'the device while reads of it are limited',
    op: 'read',
    cause: 'device',
    least: 0.8,
    script: '/bin/dd if="$1/f" of=/dev/null bs=128k count=8 iflag=direct status=none',
    async prepare(stack, cgroup) {
      const disk = stack.use(await mountJournaledDisk(0));
      const overlay = filled(stack, disk, 1);
      const bytes = MEGABYTE;
      const [file, limit] = IS_V1 ? ['blkio.throttle.read_bps_device', bytes] : ['io.max', `rbps=${bytes}`];
      control(stack, 'blkio', cgroup, file, `${disk.device} ${limit}`);
      return overlay;
    },
  },
  {
    title: 'the device while a file is read again that is larger than the memory limit',
    op: 'read',
    cause: 'device',
    least: 0.8,
    script: 'for i in 1 2; do /bin/dd if="$1/f" of=/dev/null bs=1M status=none; done',
    async prepare(stack, cgroup) {
      const path = await onDisk(stack, 0, TRANSFER_US, 12);
      limit(cgroup, 6);
      return path;
    },
  },
  {
    title: 'memory while pages are reclaimed for what is read',
    op: 'read',
    cause: 'memory',
    least: 0.4,
    script: '/bin/dd if="$1/f" of=/dev/null bs=1M status=none',
    prepare(stack, cgroup) {
      const overlay = stack.use(mountOverlay());
      execFileSync('truncate', ['-s', '128M', join(overlay.path, 'f')]);
      limit(cgroup, 3);
      return overlay.path;
    },
  },
  {
    title: 'memory while what is read into was swapped out',
    op: 'read',
    cause: 'memory',
    least: 0.8,
    script: `${fixture('io')} swept "$1/f" 576`,
    lacks: lacksSwap,
    async prepare(stack, cgroup) {
      const overlay = stack.use(mountOverlay());
      // Linux 6.12 and later write no page of zeros to swap.
      const file = join(overlay.path, 'f');
      writeFileSync(file, randomBytes(65_536));
      // The pages of the program itself belong to whoever runs it first: the cgroup has no room for them.
      execFileSync(fixture('io'), ['swept', file, '1']);
      await addSwap(stack, TRANSFER_US);
      limit(cgroup, 12);
      return overlay.path;
    },
  },
  {
    title: 'dirty throttling while more is written than the disk takes',
    op: 'write',
    cause: 'dirty_throttle',
    least: 0.5,
    lacks: () =>
      isGuest() || !isBefore(release(), '6.2') ? null : 'Linux 6.2, which limits what is dirty of one disk',
    script: '/bin/dd if=/dev/zero of="$1/f" bs=64k count=160 status=none',
    async prepare(stack) {
      const disk = stack.use(await mountJournaledDisk(0, TRANSFER_US));
      limitDirty(stack, disk);
      return stack.use(mountOverlay(undefined, disk.path)).path;
    },
  },
  {
    title: 'the lock of a file that several write at once',
    op: 'write',
    cause: 'lock',
    least: 0.5,
    script:
      'truncate -s 1M "$1/f"; for i in 1 2 3 4 5; do /bin/dd if=/dev/zero of="$1/f" bs=4k count=3 oflag=dsync conv=notrunc status=none & done; wait',
    prepare: (stack) => onDisk(stack, SLOW_US),
  },
  {
    title: 'the lock of a directory that several list at once',
    op: 'readdir',
    cause: 'lock',
    least: 0.5,
    // They wait for it before the kernel calls overlayfs.
    causeOnFunctions: 'remote',
    script: 'for i in 1 2 3 4 5 6 7 8; do ls "$1/getdents.0" >/dev/null & done; wait',
    async prepare(stack) {
      const slow = stack.use(await mountSlow([SLOW_US]));
      return stack.use(mountOverlay(slow.path)).path;
    },
  },
  {
    title: 'the server of a filesystem whose answers take long',
    op: 'read',
    cause: 'remote',
    least: 0.8,
    script: '/bin/dd if="$1/slow" of=/dev/null bs=4k count=5 status=none',
    async prepare(stack) {
      const slow = stack.use(await mountSlow([SLOW_US]));
      return stack.use(mountOverlay(slow.path)).path;
    },
  },
  {
    title: 'the run queue where too many share a CPU',
    op: 'read',
    cause: 'runqueue',
    least: 0.4,
    script:
      'for i in 1 2 3 4; do taskset -c 0 /bin/dd if="$1/f" of=/dev/null bs=32M count=12 iflag=fullblock status=none & done; wait',
    prepare(stack) {
      const overlay = stack.use(mountOverlay());
      execFileSync('truncate', ['-s', '64M', join(overlay.path, 'f')]);
      return overlay.path;
    },
  },
  {
    title: 'the run queue while the CPU is limited',
    op: 'read',
    cause: 'runqueue',
    least: 0.5,
    lacks: () =>
      isBefore(release(), '6.18') ? null : 'a limit within operations: since Linux 6.18 it holds up a task behind them',
    script: 'for i in 1 2 3 4; do /bin/dd if="$1/f" of=/dev/null bs=32M iflag=fullblock status=none; done',
    prepare(stack, cgroup) {
      const overlay = stack.use(mountOverlay());
      execFileSync('truncate', ['-s', '64M', join(overlay.path, 'f')]);
      control(stack, 'cpu', cgroup, IS_V1 ? 'cpu.cfs_quota_us' : 'cpu.max', IS_V1 ? '10000' : '10000 100000');
      return overlay.path;
    },
  },
];

/** A machine that only tests use. */
export function isGuest(): boolean {
  return process.env.TEST_CGROUP !== undefined;
}

/** An overlay on a slow disk, with a file "f" of so many megabytes that is not in the page cache. */
async function onDisk(
  stack: AsyncDisposableStack,
  flushUs: number,
  transferUs?: number,
  megabytes?: number,
): Promise<string> {
  return filled(stack, stack.use(await mountJournaledDisk(flushUs, transferUs)), megabytes);
}

function filled(stack: AsyncDisposableStack, disk: JournaledDisk, megabytes?: number): string {
  const { path } = stack.use(mountOverlay(undefined, disk.path));
  if (megabytes === undefined) return path;
  const file = join(path, 'f');
  execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M', `count=${megabytes}`, 'status=none']);
  disk.forget(file);
  return path;
}

/** Writes a file of the cgroup's; on v1, of one with its name in the controller's own hierarchy. */
function control(
  stack: AsyncDisposableStack,
  controller: Controller,
  cgroup: Cgroup,
  file: string,
  text: string,
): void {
  const path = IS_V1 ? pathIn(controller, cgroup) : cgroup.path;
  if (IS_V1) {
    mkdirSync(path);
    stack.defer(async () => {
      // Tasks leave a cgroup a moment after they have ended.
      await eventually(`${path} is empty`, () => readFileSync(join(path, 'cgroup.procs'), 'utf8') === '');
      rmdirSync(path);
    });
  }
  writeFileSync(join(path, file), text);
}

/** The cgroups of v1 that limit what runs in the cgroup. */
export function controlledIn(cgroup: Cgroup): string[] {
  return CONTROLLERS.map((controller) => pathIn(controller, cgroup)).filter(existsSync);
}

function pathIn(controller: Controller, { name }: Cgroup): string {
  return `/sys/fs/cgroup/${controller}${name}`;
}

/** Lets a megabyte be dirty: of the disk, or of all in a machine of its own. What had to be changed for it is undone. */
function limitDirty(stack: AsyncDisposableStack, { device }: JournaledDisk): void {
  const set = (path: string, text: string, before: string): void => {
    stack.defer(() => writeFileSync(path, before));
    writeFileSync(path, text);
  };
  if (isGuest()) {
    for (const [name, before] of [
      ['background_', '10'],
      ['', '20'],
    ] as const) {
      stack.defer(() => writeFileSync(`/proc/sys/vm/dirty_${name}ratio`, before));
      writeFileSync(`/proc/sys/vm/dirty_${name}bytes`, `${MEGABYTE}`);
    }
    return;
  }
  const bdi = `/sys/class/bdi/${device}`;
  // A loop device keeps its limits.
  stack.defer(() => writeFileSync(`${bdi}/max_ratio`, '100'));
  writeFileSync(`${bdi}/max_bytes`, `${MEGABYTE}`);
  set(`${bdi}/strict_limit`, '1', '0');
}
