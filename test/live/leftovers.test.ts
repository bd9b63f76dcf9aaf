/** What a live test leaves on the machine fails the run of the tests, and is named. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findHierarchy } from '../../src/containers/hierarchy.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SYSCTL = '/proc/sys/vm/oom_dump_tasks';

suite('a run of tests that leave something behind', { skip: missing('root', 'btf') }, () => {
  const name = `floatie-left-${process.pid}`;
  const mount = `/run/${name}-mount`;
  const file = `/tmp/${name}-file`;
  const cgroup = join(findHierarchy().mount ?? '', name);
  const value = readFileSync(SYSCTL, 'utf8').trim();
  const other = value === '1' ? '0' : '1';
  let status: number | null;
  let output: string;

  before(() => {
    mkdirSync(mount);
    // The runner of this test must not take the other one for its child.
    const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
    const leave = { MOUNT: mount, CGROUP: cgroup, FILE: file, PROCESS: name, SYSCTL: other };
    const asked = Object.fromEntries(Object.entries(leave).map(([kind, place]) => [`LEAVE_${kind}`, place]));
    ({ status, stdout: output } = spawnSync(process.execPath, ['scripts/test.ts', 'test/live/../fixtures/leaves.ts'], {
      cwd: ROOT,
      env: { ...rest, ...asked, CI: 'true' },
      encoding: 'utf8',
    }));
  });
  after(() => {
    execFileSync('umount', [mount]);
    process.kill(Number(new RegExp(`(\\d+) ${name} 600`).exec(output)?.[1]));
    rmdirSync(mount);
    rmdirSync(cgroup);
    rmSync(file);
    writeFileSync(SYSCTL, value);
  });

  test('fails, though every test passed', () => {
    assert.equal(output.match(/^✔ leaves /gm)?.length, 5, output);
    assert.match(output, /^failed: .*leaves\.ts left something behind$/m);
    assert.equal(status, 1);
  });

  for (const [kind, what] of [
    ['mount', `bpf ${mount}`],
    ['BPF object', 'map \\d+'],
    ['cgroup', cgroup],
    ['process', `\\d+ ${name} 600`],
    ['temporary file', file],
    ['sysctl', `vm/oom_dump_tasks = ${other}`],
  ]) {
    test(`names the ${kind}`, () => {
      assert.match(output, new RegExp(`^left behind by .*: ${kind}: .*${what}`, 'm'));
    });
  }
});
