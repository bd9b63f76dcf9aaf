/** On overlayfs' own functions: the sum over all operations beside what the kernel's own tracer says of these functions. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { OPERATIONS } from '../../src/receivers/overlayfs/operations.ts';
import { KernelCostsReader } from '../../src/service/kernel-costs.ts';
import { attachedBy } from '../support/attached-operations.ts';
import { countPrograms } from '../support/bpf-stats.ts';
import { createCgroup } from '../support/cgroup.ts';
import { type Calls, traceFunctions } from '../support/function-graph.ts';
import { mountOverlay } from '../support/overlay.ts';
import { count } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { commitRows } from '../support/waits.ts';

/** Without copy-ups: those are a part of the operation that caused them. */
const OUTERMOST = OPERATIONS.filter(({ op }) => !op.startsWith('copy_up_'));

const NONE: Calls = { count: 0, ms: 0 };

const [FOLDERS, FILES, ROWS] = [10, 30, 100];

/** The words of a command that works below a folder. */
const WORKLOADS: Readonly<Record<string, (folder: string) => [command: string, ...args: string[]]>> = {
  'SQLite with a commit a row': (folder) => [process.execPath, '-e', commitRows(join(folder, 'rows'), ROWS)],
  'chown -R': (folder) => ['chown', '-R', '1234', folder],
  'rm -rf': (folder) => ['rm', '-rf', join(folder, 'tree')],
};

suite('what people wait for, on functions', { skip: missing('guest', 'root', 'btf') }, () => {
  for (const method of ['fentry', 'kprobe'] as const) {
    for (const [name, words] of Object.entries(WORKLOADS)) {
      test(`by ${method} the operations of ${name} take what their functions take`, async (context) => {
        using stack = new DisposableStack();
        const lower = stack.adopt(mkdtempSync(join(tmpdir(), 'floatie-waits-')), (path) =>
          rmSync(path, { recursive: true }),
        );
        makeTree(join(lower, 'tree'));
        const overlay = stack.use(mountOverlay(lower));
        await using cgroup = createCgroup('waits');
        await using attached = await attachedBy(method, context);
        if (attached === null) return;
        using tracer = traceFunctions(OUTERMOST.flatMap(({ functions }) => functions));
        using _ = countPrograms();
        const programsBefore = programsMs();
        cgroup.run(...words(overlay.path));
        const calls = tracer.end();
        const programs = programsMs() - programsBefore;
        const { skipped_entry, skipped_exit, no_start } = attached.it.misses();
        const missed = skipped_entry + skipped_exit + no_start;
        const id = cgroupIdOf(findHierarchy(), cgroup.name);
        const operations = attached.it.read().find(({ cgroupId }) => cgroupId === id)?.operations ?? {};
        const sums = { ours: 0, theirs: 0 };
        for (const { op, functions } of OUTERMOST) {
          const theirs = sum(functions.map((name) => calls.get(name) ?? NONE));
          // Reads at the end of a file are no samples.
          const { zeros = 0, sumNs = 0 } = operations[op] ?? {};
          const ours = { count: count(operations[op]) + zeros, ms: sumNs / 1e6 };
          sums.ours += ours.ms;
          sums.theirs += theirs.ms;
          if (theirs.count + ours.count > 0) context.diagnostic(`${op}: ${inWords(theirs)}; Floatie: ${inWords(ours)}`);
          // In readdir overlayfs calls its own getattr for "..".
          const nested = op === 'stat' ? (operations.readdir?.buckets.reduce((a, b) => a + b) ?? 0) : 0;
          const [least, most] = [theirs.count - missed, theirs.count + nested];
          assert.ok(ours.count >= least && ours.count <= most, `${op}: ${ours.count}, not ${least} to ${most}`);
        }
        // The tracer takes programs for a part of the function, on kprobes some of them. An emulated machine is slow in them.
        const [least, most] = [sums.theirs - programs, sums.theirs];
        const seen = `${sums.ours.toFixed(0)} ms of ${most.toFixed(0)} ms, ${programs.toFixed(0)} ms in programs`;
        context.diagnostic(`found: ${seen}`);
        assert.ok(sums.ours >= 0.95 * least && sums.ours <= 1.02 * most, seen);
      });
    }
  }
});

/** The time of the receiver's programs until now. */
function programsMs(): number {
  return (new KernelCostsReader().read().programs?.runTimeNs ?? 0) / 1e6;
}

function sum(calls: readonly Calls[]): Calls {
  return calls.reduce((a, b) => ({ count: a.count + b.count, ms: a.ms + b.ms }), NONE);
}

function inWords({ count, ms }: Calls): string {
  return `${count} calls of ${ms.toFixed(1)} ms`;
}

function makeTree(path: string): void {
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(path, `${folder}`), { recursive: true });
    for (let file = 0; file < FILES; file++)
      writeFileSync(join(path, `${folder}/${file}`), Buffer.alloc((file % 8) * 8192));
  }
}
