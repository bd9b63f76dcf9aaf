/** Threads of one process that each read a file once and then stay. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Cgroup } from './cgroup.ts';
import { fixture } from './fixtures.ts';

/** Resolves when all threads have read. They end when it is disposed of. */
export async function startThreads(cgroup: Cgroup, file: string, count: number): Promise<AsyncDisposable> {
  const child = spawn(...cgroup.wrap(fixture('threads'), file, `${count}`), { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const ready = await Promise.race([once(child.stdout, 'data'), exited]);
  if (!String(ready[0]).startsWith('ready')) throw new Error(`threads ended with ${ready[0]}`);
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}
