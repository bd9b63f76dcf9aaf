/** A PID namespace with a waiting process, so that Floatie can leave out everything else on the machine. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';

export interface PidNamespace extends AsyncDisposable {
  readonly inum: number;
  /** The flags with which Floatie counts only this namespace. */
  readonly only: readonly [string, string];
  /** The words in front of a command that run it in the namespace. */
  readonly enter: readonly [string, ...string[]];
}

export async function createPidNamespace(): Promise<PidNamespace> {
  const keeper = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', '1000'], { stdio: 'ignore' });
  const exited = once(keeper, 'exit');
  const init = await eventually('the namespace has its first process', () => childOf(keeper.pid ?? 0));
  const inum = Number(/\d+/.exec(execFileSync('readlink', [`/proc/${init}/ns/pid`], { encoding: 'utf8' }))?.[0]);
  return {
    inum,
    only: ['--pid-ns-inum', String(inum)],
    enter: ['nsenter', '--pid', '--target', init],
    async [Symbol.asyncDispose]() {
      keeper.kill('SIGKILL');
      await exited;
    },
  };
}

function childOf(pid: number): string {
  return execFileSync('sh', ['-c', `cat /proc/${pid}/task/${pid}/children`], { encoding: 'utf8' }).trim();
}
