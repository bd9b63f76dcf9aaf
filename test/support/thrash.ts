/** A container whose only task waits for memory most of the time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { createCgroup } from './cgroup.ts';
import { type Container, createContainer } from './container.ts';
import { folder } from './peers.ts';

export function startThrashing(): AsyncDisposable & { readonly container: Container } {
  const stack = new AsyncDisposableStack();
  const container = stack.use(createContainer());
  const data = stack.use(folder());
  // The memory controller may be in the other hierarchy.
  const isV1 = findHierarchy().version === 1;
  const memory = isV1 ? stack.use(createCgroup('thrash')) : container;
  writeFileSync(join(memory.path, isV1 ? 'memory.limit_in_bytes' : 'memory.high'), `${16 << 20}`);
  // Rereads more file pages than the limit allows, so each read waits for memory.
  const script = `
    for cgroup; do echo $$ >"$cgroup/cgroup.procs"; done
    dd if=/dev/zero of=data bs=1M count=64 2>/dev/null
    while :; do cat data data >/dev/null; done`;
  const cgroups = [...new Set([memory.path, container.path])];
  const hog = spawn('sh', ['-c', script, 'sh', ...cgroups], { cwd: data.path, stdio: 'ignore', detached: true });
  const exited = once(hog, 'exit');
  stack.defer(async () => {
    process.kill(-(hog.pid ?? 0), 'SIGKILL');
    await exited;
  });
  return { container, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
