import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gaps } from '../../src/program/health.ts';
import { LINES } from '../../src/program/log-lines.ts';
import { receiverNames } from '../../src/receivers/index.ts';
import { OPERATIONS } from '../../src/receivers/overlayfs/operations.ts';
import { attachedLine } from '../../src/service/receivers.ts';

const METHODS = ['fentry', 'kprobe', 'syscall', 'syscall_classic', 'tracepoint', 'file'];

test('the lines that say how probes are attached are shorter than 160 characters, whatever was refused and is not measured', () => {
  const all = [{ ops: OPERATIONS.map(({ op }) => op), reason: 'x'.repeat(500) }];
  const gaps: Gaps = { unmeasured: all, partly: all };
  const refusals = METHODS.slice(0, 3).map((method) => ({ method }));
  for (const name of receiverNames) {
    for (const method of METHODS) {
      const line = LINES.text(new Date(0).toISOString(), 'info', ...attachedLine(name, method, refusals, gaps));
      assert.ok(line.length < 160, line);
    }
  }
});
