/** The trial's threads share a CPU for a moment; what other threads begin in that moment must not keep to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DataType, load, open } from 'ffi-rs';
import { shareOneCpu } from '../../../src/native/libc/affinity.ts';
import { fixture } from '../../support/fixtures.ts';
import { missing } from '../../support/requirements.ts';
import '../../support/unwatched-workers.ts';

const ALL = cpusOf(process.pid);
/** Begins a worker and a process, and says on which CPUs the process was. */
const PARENT = `
  const { parentPort, Worker } = require('node:worker_threads');
  const { execFileSync } = require('node:child_process');
  parentPort.once('message', () => {
    const child = new Worker('setInterval(() => undefined, 1000)', { eval: true });
    child.once('online', () => parentPort.postMessage(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' })));
  });
  parentPort.postMessage('ready');`;

suite('while the threads of the pool share a CPU', {
  skip: /[,-]/.test(ALL) ? false : 'this machine lacks a second CPU',
}, () => {
  test('they do, and afterwards run where they did', async () => {
    await Promise.all(Array.from({ length: 4 }, () => stat('/')));
    const confined = (): number => readdirSync('/proc/self/task').filter((id) => cpusOf(Number(id)) !== ALL).length;
    {
      using _ = shareOneCpu();
      assert.ok(confined() >= 4);
    }
    assert.equal(confined(), 0);
  });

  test('what a worker begins may run on all: threads and processes', async (context) => {
    const worker = new Worker(PARENT, { eval: true });
    context.after(() => worker.terminate());
    await once(worker, 'message');
    let process = '';
    {
      using _ = shareOneCpu();
      worker.postMessage('begin');
      [process] = await once(worker, 'message');
    }
    assert.equal(cpusIn(process), ALL);
    assertNoneConfined();
  });

  test('what the pool begins may run on all', { skip: missing('clang') }, async () => {
    open({ library: 'births', path: fixture('births', '-shared', '-fPIC') });
    {
      using _ = shareOneCpu();
      const call = { library: 'births', funcName: 'bear', retType: DataType.I32, paramsType: [], paramsValue: [] };
      assert.equal(await load({ ...call, runInNewThread: true }), 0);
    }
    assertNoneConfined();
  });
});

function assertNoneConfined(): void {
  for (const thread of readdirSync('/proc/self/task')) assert.equal(cpusOf(Number(thread)), ALL);
}

function cpusOf(thread: number): string {
  return cpusIn(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'));
}

function cpusIn(status: string): string {
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '';
}
