/** `floatie doctor` as a child process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Check } from '../../src/program/check.ts';
import { MAIN } from './floatie.ts';
import { withMounts } from './mounts.ts';

export interface Diagnosis {
  readonly code: number | null;
  readonly checks: readonly Check[];
  /** The check of this name. */
  of(name: string): Check;
}

export interface Conditions {
  /** A command in front of Floatie's command line. */
  readonly by?: readonly string[];
  /** Shell commands before Floatie, in a mount namespace of their own. */
  readonly after?: string;
  readonly env?: Record<string, string>;
}

/** Also asserts that the exit code and the verdicts agree. */
export async function runDoctor(
  args: readonly string[] = ['--set', 'exporters.prometheus.port=0'],
  { by = [], after, env = {} }: Conditions = {},
): Promise<Diagnosis> {
  const shell = after === undefined ? [] : withMounts(after);
  const [command = '', ...rest] = [...shell, ...by, process.execPath, MAIN, 'doctor', '--json', ...args];
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  assert.match(output, /^\[/, errors);
  const checks = JSON.parse(output) as Check[];
  const failed = checks.filter(({ verdict }) => verdict === 'fail');
  assert.equal(code, failed.length === 0 ? 0 : 1, output);
  assert.equal(checks.at(-1)?.verdict, failed.length === 0 ? 'ok' : 'fail', output);
  return {
    code,
    checks,
    of(name) {
      const check = checks.find((check) => check.name === name);
      assert.ok(check, `There is no line "${name}" in ${output}`);
      return check;
    },
  };
}

/** Runs as another user with only these capabilities, such as `bpf`. */
export function withOnly(...capabilities: readonly string[]): readonly string[] {
  const list = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  return ['setpriv', ...user, `--inh-caps=${list}`, `--ambient-caps=${list}`, `--bounding-set=${list}`];
}
