/** On overlayfs' own functions: the sum over all operations beside what the kernel's own tracer says of these functions. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { cgroupIdOf, findHierarchy } from '../../src/containers/hierarchy.ts';
import { OPERATIONS } from '../../src/receivers/overlayfs/operations.ts';
import { attachedBy } from '../support/attached-operations.ts';
import { createCgroup } from '../support/cgroup.ts';
import { traceFunctions } from '../support/function-graph.ts';
import { mountOverlay } from '../support/overlay.ts';
import { count } from '../support/overlayfs-receiver.ts';
import { missing } from '../support/requirements.ts';
import { commitRows } from '../support/waits.ts';

/** Without copy-ups: those are a part of the operation that caused them. */
const OUTERMOST = OPERATIONS.filter(({ op }) => !op.startsWith('copy_up_'));

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
        const functions = OUTERMOST.flatMap((operation) => operation.functions);
        using tracer = traceFunctions(functions);
        cgroup.run(...words(overlay.path));
        const calls = tracer.end();
        const id = cgroupIdOf(findHierarchy(), cgroup.name);
        const operations = attached.it.read().find(({ cgroupId }) => cgroupId === id)?.operations ?? {};
        let [ours, theirs] = [0, 0];
        for (const { op, functions } of OUTERMOST) {
          const seen = functions.map((name) => calls.get(name) ?? { count: 0, ms: 0 });
          const [number, ms] = [
            seen.reduce((sum, { count }) => sum + count, 0),
            seen.reduce((sum, { ms }) => sum + ms, 0),
          ];
          const counted = { count: count(operations[op]), ms: (operations[op]?.sumNs ?? 0) / 1e6 };
          [ours, theirs] = [ours + counted.ms, theirs + ms];
          if (number + counted.count === 0) continue;
          context.diagnostic(
            `${op}: ${number} calls of ${ms.toFixed(1)} ms; Floatie: ${counted.count} of ${counted.ms.toFixed(1)} ms`,
          );
        }
        const share = ours / theirs;
        context.diagnostic(`found: ${(share * 100).toFixed(1)} % of ${theirs.toFixed(0)} ms`);
        assert.ok(share >= 0.95 && share <= 1.02, `${share}`);
      });
    }
  }
});

function makeTree(path: string): void {
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(path, `${folder}`), { recursive: true });
    for (let file = 0; file < FILES; file++)
      writeFileSync(join(path, `${folder}/${file}`), Buffer.alloc((file % 8) * 8192));
  }
}
