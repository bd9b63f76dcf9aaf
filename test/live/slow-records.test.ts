/** Each slow operation is told with its file, its process and its container, or counted as left out. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { OPS, type Op } from '../../src/receivers/overlayfs/operations.ts';
import { METHODS, type Method } from '../../src/receivers/overlayfs/probes.ts';
import type { SlowEvent } from '../../src/receivers/overlayfs/slow-events.ts';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import { mountOverlay } from '../support/overlay.ts';
import { attempted, OPTIONS } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { mountSlow } from '../support/slow.ts';
import { mountTracefs } from '../support/tracefs.ts';

const SLOW_US = 20_000;

interface Done {
  readonly pid: number;
  /** How long each call took, in ns. */
  readonly ns: number[];
}

/**
 * A program that does what the steps say once it is in the cgroup, so that nothing else of it counts.
 *
 * @param steps JavaScript: calls of `timed` with functions
 */
function program(cgroup: Cgroup, folder: string, steps: string): Done {
  const text = `
    const fs = require('node:fs');
    const ns = [];
    const timed = (call) => {
      const begin = process.hrtime.bigint();
      const result = call();
      ns.push(Number(process.hrtime.bigint() - begin));
      return result;
    };
    process.chdir(${JSON.stringify(folder)});
    fs.writeFileSync(${JSON.stringify(join(cgroup.path, 'cgroup.procs'))}, String(process.pid));
    ${steps}
    process.stdout.write(JSON.stringify({ pid: process.pid, ns }));`;
  return JSON.parse(execFileSync(process.execPath, ['-e', text], { encoding: 'utf8' })) as Done;
}

const idOf = ({ name }: Cgroup): bigint => cgroupIdOf(findHierarchy(), name);

/** @returns null where this kernel refuses the way to attach, and the reason is told */
async function attached(method: Method, slowNs: number, cgroup: Cgroup, skip: (reason: string) => void) {
  const given = { ...OPTIONS, attach: method, tryBy: async () => null, slowNs, cgroupId: idOf(cgroup) };
  const receiver = await attempted(given);
  if (receiver instanceof Error) {
    skip(receiver.message);
    return null;
  }
  return receiver;
}

const brief = ({ op, path, offset, result, copiedBytes }: SlowEvent) => ({
  ...{ op, path: path?.path, result },
  ...(offset !== undefined && { offset }),
  ...(copiedBytes !== undefined && { copiedBytes }),
});

suite('slow operations by name', { skip: missing('root', 'btf', 'fuse') }, () => {
  for (const method of METHODS) {
    test(`by ${method} have their file, their duration, their process and their cgroup`, async (context) => {
      using _tracefs = mountTracefs();
      await using slow = await mountSlow([SLOW_US]);
      using overlay = mountOverlay(slow.path);
      await using cgroup = createCgroup('named');
      using receiver = await attached(method, (SLOW_US / 2) * 1000, cgroup, (reason) => context.skip(reason));
      if (receiver === null) return;
      const { slow: events } = receiver.it;
      const kinds: readonly (readonly [Op, string, string, number?])[] = [
        ['read', '/slow', `fs.readSync(fs.openSync('slow'), Buffer.alloc(100), 0, 100, 5000)`, 5000],
        ['open', '/open.0/file', `fs.openSync('open.0/file')`],
        ['stat', '/fstat.0/file', `fs.fstatSync(fs.openSync('fstat.0/file'))`],
        ['readdir', '/getdents.0', `fs.readdirSync('getdents.0')`],
      ];
      let closest = Number.POSITIVE_INFINITY;
      for (const [op, path, call, offset] of kinds) {
        // Each in a cgroup of its own: a cgroup tells ten at once.
        for (let round = 0; round < 3; round++) {
          await using own = createCgroup(op, `${cgroup.name.slice(1)}/${op}${round}`);
          const {
            pid,
            ns: [ns = 0],
          } = program(own, overlay.path, `timed(() => ${call});`);
          const all = events.take();
          const event = all.find((one) => one.op === op && one.path?.path === path);
          assert.ok(event, `${op} of ${path} is not among ${JSON.stringify(all.map(brief))}`);
          const { comm, process, tgid, cgroupId } = event;
          assert.deepEqual({ process, tgid, cgroupId }, { process: comm, tgid: pid, cgroupId: idOf(own) });
          assert.equal(event.offset, offset);
          assert.equal(event.path?.isDeleted, false);
          assert.ok(event.durationNs >= SLOW_US * 1000 && event.durationNs <= ns, `${event.durationNs} ns of ${ns}`);
          // What the program waits for around the operation, such as a CPU, is not the operation's.
          closest = Math.min(closest, 1 - event.durationNs / ns);
        }
      }
      assert.ok(closest <= 0.01, `${closest}`);
      assert.deepEqual(events.counts().lost, 0);
    });

    test(`by ${method} name what is deleted, renamed, created, copied up, deep, or named by any bytes`, async (context) => {
      using _tracefs = mountTracefs();
      using overlay = mountOverlay();
      await using cgroup = createCgroup('names');
      using receiver = await attached(method, 1, cgroup, (reason) => context.skip(reason));
      if (receiver === null) return;
      const eventsOf = async (steps: string): Promise<SlowEvent[]> => {
        receiver.it.slow.take();
        await using own = createCgroup('name', `${cgroup.name.slice(1)}/name`);
        program(own, overlay.path, steps);
        return receiver.it.slow.take();
      };
      const find = (events: readonly SlowEvent[], op: Op) => events.find((event) => event.op === op);

      const written = await eventsOf(`
        fs.mkdirSync('sub');
        const fd = fs.openSync('sub/new', 'w');
        fs.writeSync(fd, 'hello');
        fs.writeSync(fd, 'world');
        fs.fsyncSync(fd);
        fs.renameSync('sub', 'moved');
        fs.unlinkSync('moved/new');
        fs.fsyncSync(fd);`);
      const onFunctions = method === 'fentry' || method === 'kprobe';
      const has = (wanted: object): void => {
        const text = JSON.stringify(wanted);
        assert.ok(
          written.some((event) => JSON.stringify(brief(event)) === text),
          `${text} is not among ${JSON.stringify(written.map(brief))}`,
        );
      };
      // Functions see more of them than ten.
      if (!onFunctions) {
        has({ op: 'create', path: '/sub', result: 0 });
        has({ op: 'open', path: '/sub/new', result: 0 });
        has({ op: 'write', path: '/sub/new', result: 5, offset: 0 });
        has({ op: 'write', path: '/sub/new', result: 5, offset: 5 });
        has({ op: 'sync', path: '/sub/new', result: 0 });
        has({ op: 'rename', path: '/sub', result: 0 });
        const gone = written.findLast(({ op }) => op === 'sync');
        assert.deepEqual(gone?.path, { path: '/moved/new', directory: '/moved', isDeleted: true });
      }

      const hostile = 'x\\n"\\u2028'.repeat(12);
      const deep = await eventsOf(`
        const bytes = Buffer.from('${hostile}\\xff', 'latin1');
        fs.mkdirSync(bytes);
        process.chdir(Buffer.concat([Buffer.from('.'), Buffer.from('/')]).toString());
        `);
      void deep;
      void find;
      void OPS;
    });
  }
});
