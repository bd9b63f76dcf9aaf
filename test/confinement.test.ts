/** What each way to run Floatie keeps from it, as its file says; test/live tries each. Kubernetes: kubernetes.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { dockerRuns } from './support/docker-run.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const EMBEDDED = join(ROOT, 'examples/embedded');
const PROFILE = 'config/seccomp.json';

/** All values of a flag of `docker run`. */
const valuesOf = (words: readonly string[], flag: string): string[] =>
  words.flatMap((word, index) => (word === flag ? [words[index + 1] ?? ''] : []));

test('the least way to run the image has a read-only root, two capabilities, the profile, and bounded memory', () => {
  const [, least = []] = dockerRuns('README.md');
  assert.ok(least.includes('--read-only'));
  assert.deepEqual(valuesOf(least, '--cap-drop'), ['ALL']);
  assert.deepEqual(valuesOf(least, '--cap-add'), ['BPF', 'PERFMON']);
  assert.deepEqual(valuesOf(least, '--security-opt'), [`seccomp=${PROFILE}`]);
  assert.deepEqual(valuesOf(least, '-m'), ['256m']);
});

suite("an application's container with Floatie inside", () => {
  const [run = []] = dockerRuns('examples/embedded/README.md');

  test('has by docker run what Floatie and its start need, and gains nothing', () => {
    assert.deepEqual(valuesOf(run, '--cap-drop'), ['ALL']);
    assert.deepEqual(valuesOf(run, '--cap-add'), ['BPF', 'PERFMON', 'SETUID', 'SETGID', 'SETPCAP', 'KILL']);
    assert.deepEqual(valuesOf(run, '--security-opt'), ['no-new-privileges', `seccomp=${PROFILE}`]);
    assert.deepEqual(valuesOf(run, '-m'), ['256m']);
  });

  test('has by compose the same', () => {
    const { app } = parse(readFileSync(join(EMBEDDED, 'compose.yaml'), 'utf8')).services;
    const [privileges, seccomp = ''] = app.security_opt;
    const profile = relative(ROOT, resolve(EMBEDDED, seccomp.replace(/^seccomp:/, '')));
    assert.deepEqual(app.cap_drop, valuesOf(run, '--cap-drop'));
    assert.deepEqual(app.cap_add, valuesOf(run, '--cap-add'));
    assert.deepEqual([privileges.replace(/:true$/, ''), `seccomp=${profile}`], valuesOf(run, '--security-opt'));
    assert.deepEqual([app.mem_limit], valuesOf(run, '-m'));
    assert.deepEqual([app.privileged, app.pid, app.network_mode], [undefined, undefined, undefined]);
  });
});

suite('the unit for systemd', () => {
  const unit = readFileSync(join(ROOT, 'examples/systemd/floatie.service'), 'utf8');
  const settings: readonly string[] = unit.split('\n');

  for (const setting of [
    'DynamicUser=yes',
    'CapabilityBoundingSet=CAP_BPF CAP_PERFMON',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectProc=invisible',
    'SystemCallFilter=@system-service',
    'MemoryMax=384M',
  ]) {
    test(`has ${setting}`, () => assert.ok(settings.includes(setting)));
  }
});
