/** A tree of folders with any names that others change while it is walked. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '../../../src/containers/identity.ts';
import { walk } from '../../../src/containers/walk.ts';
import { folder } from '../../support/peers.ts';
import type { Running, Target } from '../fuzzer.ts';

/** Makes and removes folders below the tree until it is ended. */
const CHURN = `
i=0
while :; do
  mkdir -p "$1/churn/$i/a/b"
  mv "$1/churn/$i/a" "$1/moved$i" 2>/dev/null
  rmdir "$1/moved$i/b" "$1/moved$i" "$1/churn/$i" 2>/dev/null
  i=$(( (i + 1) % 7 ))
done`;
const MAX_FOLDERS = 50;
const MAX_NAME = 200;

/** The input is the paths of folders, by lines. */
export const cgroupTree: Target = {
  words: [
    ...[
      '/',
      '\n',
      '.',
      '..',
      '\xff',
      '\xc3\xa4',
      '\\x2d',
      ' ',
      '"',
      'docker-',
      '.scope',
      '.slice',
      'kubepods-besteffort-pod',
    ],
    ...[
      '0123456789abcdef'.repeat(4),
      'cri-containerd-',
      'libpod-',
      'machine-',
      'system.slice',
      'lxc.payload.',
      '/container',
    ],
  ],
  open,
};

function open(): Running {
  const home = folder();
  const tree = join(home.path, 'tree');
  mkdirSync(tree);
  const churn = spawn('sh', ['-c', CHURN, 'churn', tree], { stdio: 'ignore', detached: true });
  const ended = once(churn, 'exit');
  return {
    check(input) {
      const made: Buffer[] = [];
      for (const path of input.toString('latin1').split('\n').slice(0, MAX_FOLDERS)) {
        const parts = path.split('/').filter((part) => !['', '.', '..'].includes(part) && !part.includes('\0'));
        if (parts.length === 0 || parts.some((part) => part.length > MAX_NAME)) continue;
        const full = Buffer.from([Buffer.from(tree).toString('latin1'), ...parts.slice(0, 10)].join('/'), 'latin1');
        if (full.length > 2000) continue;
        mkdirSync(full, { recursive: true });
        made.push(Buffer.from(`${Buffer.from(tree).toString('latin1')}/${parts[0]}`, 'latin1'));
      }
      const seen = new Set<string>();
      for (const { raw, path, id } of walk(tree)) {
        assert.ok(id > 0n);
        assert.ok(path.isWellFormed() && path.startsWith('/'), path);
        const bytes = Buffer.from(raw).toString('latin1');
        assert.ok(!seen.has(bytes) || /moved|churn/.test(bytes), `${bytes} is there twice`);
        seen.add(bytes);
        assert.ok(identify(path).cgroup.startsWith('/'));
      }
      for (const path of made) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
    async [Symbol.asyncDispose]() {
      // With what it has just started, which would make its folders again.
      if (churn.pid !== undefined) process.kill(-churn.pid, 'SIGKILL');
      await ended;
      home[Symbol.dispose]();
    },
  };
}
