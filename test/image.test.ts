import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fixture } from './support/fixtures.ts';
import { missing } from './support/requirements.ts';

test("the image's command refuses to start without any argument, not even its own name", {
  skip: missing('clang'),
}, () => {
  const { status, stderr } = spawnSync(fixture('no-arguments'), { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [2, 'floatie: there is no argument 0\n']);
});
