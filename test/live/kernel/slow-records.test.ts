/** Each slow operation is told with its file, its process and its cgroup, or counted as left out. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../../src/containers/hierarchy.ts';
import { endedOf } from '../../../src/receivers/overlayfs/counts.ts';
import { OPERATIONS, type Op } from '../../../src/receivers/overlayfs/operations.ts';
import { METHODS, type Method } from '../../../src/receivers/overlayfs/probes.ts';
import type { SlowEvent } from '../../../src/receivers/overlayfs/slow-events.ts';
import { type Cgroup, createCgroup } from '../../support/cgroup.ts';
import { nothingDone } from '../../support/operation-totals.ts';
import { mountOverlay } from '../../support/overlay.ts';
import { attempted, OPTIONS } from '../../support/overlayfs-receiver.ts';
import { missing } from '../../support/requirements.ts';
import { mountSlow } from '../../support/slow.ts';
import { mountTracefs } from '../../support/tracefs.ts';

const SLOW_US = 20_000;
/** An emulated machine may do anything between the program's clock and the kernel's. */
const IS_EMULATED = process.env.TEST_CGROUP !== undefined;
/** Names of 90 bytes: forty levels of them are told whole. */
const LONG = 'l'.repeat(90);

interface Done {
  readonly pid: number;
  /** How long the calls of `timed` took, in ns. */
  readonly ns: number[];
}

/**
 * Runs JavaScript in a folder, by a process that moves itself into the cgroup.
 *
 * @param before what it does before, where it is not counted
 */
function run(cgroup: Cgroup, folder: string, steps: string, before = ''): Done {
  const text = `
    const fs = require('node:fs');
    const ns = [];
    const timed = (call) => {
      const begin = process.hrtime.bigint();
      call();
      ns.push(Number(process.hrtime.bigint() - begin));
    };
    process.chdir(${JSON.stringify(folder)});
    ${before};
    fs.writeFileSync(${JSON.stringify(join(cgroup.path, 'cgroup.procs'))}, String(process.pid));
    ${steps};
    process.stdout.write(JSON.stringify({ pid: process.pid, ns }));`;
  return JSON.parse(execFileSync(process.execPath, ['-e', text], { encoding: 'utf8' })) as Done;
}

const idOf = ({ name }: Cgroup): bigint => cgroupIdOf(findHierarchy(), name);

/** A receiver that counts in this cgroup alone; null where the kernel refuses the way to attach, and the test is skipped. */
async function attached(context: TestContext, method: Method, slowNs: number, cgroup: Cgroup) {
  const given = { ...OPTIONS, attach: method, tryBy: async () => null, slowNs, cgroupId: idOf(cgroup) };
  const receiver = await attempted(given);
  if (!(receiver instanceof Error)) return receiver;
  context.skip(receiver.message);
  return null;
}

interface Wanted {
  readonly op: Op;
  readonly path: string;
  readonly offset?: number;
  readonly deleted?: true;
}

const brief = ({ op, path, offset }: SlowEvent): Wanted => ({
  ...{ op, path: path?.path ?? '' },
  ...(offset !== undefined && { offset }),
  ...(path?.isDeleted === true && { deleted: true }),
});

/** Before Linux 5.15 a program at the end of a system call cannot read its arguments: no offset of pread, no name. */
const READS_ARGUMENTS = isAtLeast(5, 15);

function isAtLeast(major: number, minor: number): boolean {
  const [ours = 0, its = 0] = release().split('.').map(Number);
  return ours > major || (ours === major && its >= minor);
}

function toldBy(method: Method, { op, path, offset, ...rest }: Wanted): Wanted {
  const knows = READS_ARGUMENTS || !method.startsWith('syscall');
  const isByName = ['create', 'remove', 'rename', 'stat'].includes(op);
  return {
    op,
    path: knows || !isByName ? path : '',
    ...(offset !== undefined && (knows || op !== 'read') && { offset }),
    ...rest,
  };
}

function found(events: readonly SlowEvent[], wanted: Wanted): SlowEvent {
  const text = JSON.stringify(wanted);
  const event = events.find((one) => JSON.stringify(brief(one)) === text);
  assert.ok(event, `${text} is not among ${JSON.stringify(events.map(brief))}`);
  return event;
}

suite('slow operations by name', { skip: missing('root', 'btf', 'fuse') }, () => {
  for (const method of METHODS) {
    test(`by ${method} have their file, their duration, their process and their cgroup`, async (context) => {
      using _tracefs = mountTracefs();
      await using slow = await mountSlow([SLOW_US]);
      using overlay = mountOverlay(slow.path);
      await using cgroup = createCgroup('named');
      using receiver = await attached(context, method, (SLOW_US / 2) * 1000, cgroup);
      if (receiver === null) return;
      const { slow: events } = receiver.it;
      const kinds: readonly (readonly [Wanted, string])[] = [
        [
          { op: 'read', path: '/slow', offset: 5000 },
          `const fd = fs.openSync('slow'); timed(() => fs.readSync(fd, Buffer.alloc(100), 0, 100, 5000))`,
        ],
        [{ op: 'open', path: '/open.0/file' }, `timed(() => fs.openSync('open.0/file'))`],
        [
          { op: 'stat', path: '/fstat.0/file' },
          `const fd = fs.openSync('fstat.0/file'); timed(() => fs.fstatSync(fd))`,
        ],
        [{ op: 'readdir', path: '/getdents.0' }, `timed(() => fs.readdirSync('getdents.0'))`],
      ];
      let closest = Number.POSITIVE_INFINITY;
      for (const [wanted, steps] of kinds) {
        for (let round = 0; round < (IS_EMULATED ? 1 : 3); round++) {
          // A cgroup tells ten at once.
          await using own = createCgroup('own', `${cgroup.name.slice(1)}/own`);
          const { pid, ns } = run(own, overlay.path, steps);
          const {
            process: name,
            comm,
            tgid,
            cgroupId,
            durationNs,
            parts,
          } = found(events.take(), toldBy(method, wanted));
          assert.deepEqual({ name, tgid, cgroupId }, { name: comm, tgid: pid, cgroupId: idOf(own) });
          const [most = 0] = ns;
          assert.ok(durationNs >= SLOW_US * 1000 && durationNs <= most, `${durationNs} ns of ${most}`);
          assert.equal(
            Object.values(parts).reduce((sum, part) => sum + part),
            durationNs,
          );
          // The program may wait for a CPU before and after.
          closest = Math.min(closest, 1 - durationNs / most);
        }
      }
      if (!IS_EMULATED) assert.ok(closest <= 0.01, `${closest}`);
    });

    test(`by ${method} name what is new, deleted, renamed, deep or named by any bytes`, async (context) => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      await using cgroup = createCgroup('names');
      // Every operation is slow.
      using receiver = await attached(context, method, 1, cgroup);
      if (receiver === null) return;
      const { slow: events } = receiver.it;
      const tells = async (wanted: Wanted, steps: string, before = ''): Promise<void> => {
        await using own = createCgroup('own', `${cgroup.name.slice(1)}/own`);
        run(own, overlay.path, steps, before);
        found(events.take(), toldBy(method, wanted));
      };
      const file = `const fd = fs.openSync('sub/file', 'a+')`;
      await tells({ op: 'create', path: '/sub' }, `fs.mkdirSync('sub')`);
      await tells({ op: 'open', path: '/sub/file' }, file);
      await tells({ op: 'write', path: '/sub/file', offset: 0 }, `fs.writeSync(fd, 'hello')`, file);
      await tells({ op: 'read', path: '/sub/file', offset: 2 }, 'fs.readSync(fd, Buffer.alloc(1), 0, 1, 2)', file);
      await tells({ op: 'sync', path: '/sub/file' }, 'fs.fsyncSync(fd)', file);
      await tells({ op: 'readdir', path: '/sub' }, `fs.readdirSync('sub')`);
      // System calls name it in its directory; the function has the entry itself.
      await tells(
        { op: 'remove', path: '/sub/gone', ...(!method.startsWith('syscall') && { deleted: true }) },
        `process.chdir('sub'); fs.unlinkSync('gone')`,
        `fs.writeFileSync('sub/gone', '')`,
      );
      await tells({ op: 'rename', path: '/sub' }, `fs.renameSync('sub', 'moved')`);
      const last = `const fd = fs.openSync('moved/file', 'a+'); fs.unlinkSync('moved/file')`;
      await tells({ op: 'sync', path: '/moved/file', deleted: true }, 'fs.fsyncSync(fd)', last);

      const bytes = `Buffer.from('"\\n\\\\\\xe2\\x80\\xa8\\xff' + 'x'.repeat(247), 'latin1')`;
      await tells({ op: 'create', path: `/"\uFFFD\\\uFFFD\uFFFD${'x'.repeat(247)}` }, `fs.mkdirSync(${bytes})`);
      const within = (name: string, levels: number): string =>
        `for (let level = 0; level < ${levels}; level++) { fs.mkdirSync('${name}'); process.chdir('${name}'); }`;
      const deep = `/${LONG}`.repeat(40);
      await tells({ op: 'create', path: `${deep}/new` }, `fs.mkdirSync('new')`, within(LONG, 40));
      const tooDeep = `/…${'/d'.repeat(63)}/new`;
      await tells(
        { op: 'create', path: method.startsWith('syscall') ? `/…${'/d'.repeat(64)}/new` : tooDeep },
        `fs.mkdirSync('new')`,
        within('d', 80),
      );
      assert.equal(events.counts().lost, 0);
    });

    test(`by ${method} are told ten at once, and all others are counted`, async (context) => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      await using cgroup = createCgroup('many');
      using receiver = await attached(context, method, 1, cgroup);
      if (receiver === null) return;
      const { slow: events } = receiver.it;
      const [round, rounds] = [20_000, 3];
      const read = `for (let read = 0; read < ${round}; read++) fs.readSync(fd, Buffer.alloc(1), 0, 1, 0)`;
      const before = `fs.writeFileSync('file', 'x'); const fd = fs.openSync('file', 'r')`;
      for (let at = 0; at < rounds; at++) run(cgroup, overlay.path, read, before);
      const { told, leftOut, lost } = events.counts();
      const [totals] = receiver.it.read().filter(({ cgroupId }) => cgroupId === idOf(cgroup));
      assert.equal(
        totals?.operations.read?.buckets.reduce((sum, count) => sum + count),
        round * rounds,
      );
      const done = OPERATIONS.filter(({ latency }) => !latency.name.includes('copy_up'));
      const ended = done.reduce((sum, { op }) => sum + endedOf(totals?.operations[op] ?? nothingDone(1)), 0);
      assert.equal(told + leftOut + lost, ended);
      assert.equal(events.take().length, told);
      assert.ok(told >= 10 && lost === 0, `${told} told, ${lost} lost`);
    });
  }
});
