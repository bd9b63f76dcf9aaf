/** A cgroup in the hierarchy that Floatie uses, removed when it is disposed of. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { eventually } from './eventually.ts';

export interface Cgroup {
  /** The path below the hierarchy's root, which is the `cgroup` attribute. */
  readonly name: string;
  readonly path: string;
  /** Runs a command in the cgroup. Throws when it fails. */
  run(command: string, ...args: string[]): string;
  /** Wraps a command line so that it runs in the cgroup. */
  wrap(command: string, ...args: string[]): [string, string[]];
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

let count = 0;

/** @param exactly the name, instead of a unique one with the label */
export function createCgroup(label = 'test', exactly?: string): Cgroup {
  const { mount } = findHierarchy();
  if (mount === null) throw new Error('no cgroup hierarchy is mounted');
  const name = `/${exactly ?? `floatie-${label}-${process.pid}-${++count}`}`;
  const path = join(mount, name);
  mkdirSync(path);
  let removed = false;
  const remove = async (): Promise<void> => {
    if (removed) return;
    // Tasks leave a cgroup a moment after they have ended.
    await eventually('the cgroup is empty', () => readFileSync(join(path, 'cgroup.procs'), 'utf8') === '');
    rmdirSync(path);
    removed = true;
  };
  const wrap = (command: string, ...args: string[]): [string, string[]] => [
    'sh',
    ['-c', 'echo $$ >"$1" && shift && exec "$@"', 'sh', join(path, 'cgroup.procs'), command, ...args],
  ];
  return {
    name,
    path,
    wrap,
    run(command, ...args) {
      const { status, stdout, stderr } = spawnSync(...wrap(command, ...args), { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
      return stdout;
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
