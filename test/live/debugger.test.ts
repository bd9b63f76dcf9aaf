/** No signal and no variable lets anybody run code in a real Floatie, or has its memory written down. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { folder } from '../support/peers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PRESSURE_ONLY = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];

/** How many TCP ports a process listens on. */
function listening({ pid }: ChildProcess): number {
  const held = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  const rows = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n').slice(1));
  const LISTEN = '0A';
  return rows.filter((row) => {
    const [, , , state, , , , , , inode] = row.trim().split(/\s+/);
    return state === LISTEN && held.includes(`socket:[${inode}]`);
  }).length;
}

suite('a debugger cannot be let in', () => {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    for (const [how, command] of [
      ['node dist/main.js', [process.execPath, MAIN]],
      ['the command that npm installs', [MAIN]],
    ] as const) {
      test(`by ${signal} to ${how}`, async () => {
        await using floatie = await startFloatie(PRESSURE_ONLY, { command: [...command] });
        for (let at = 0; at < 10; at++) floatie.process.kill(signal);
        for (let at = 0; at < 10; at++) await floatie.scrape(); // the signals have come by now
        assert.equal(listening(floatie.process), 1);
        assert.doesNotMatch(JSON.stringify(floatie.log), /[Dd]ebugger/);
        assert.equal(await floatie.stop(), 0);
      });
    }
  }

  test('by NODE_OPTIONS=--inspect', async () => {
    await using floatie = await startFloatie(PRESSURE_ONLY, { env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } });
    assert.equal(listening(floatie.process), 1);
  });

  for (const option of [
    '--heapsnapshot-signal=SIGUSR2',
    '--report-on-signal',
    '--report-on-signal --report-signal=SIGUSR1',
  ]) {
    test(`nor is its memory written down by NODE_OPTIONS="${option}"`, async () => {
      using home = folder({});
      const command = ['env', '-C', home.path, process.execPath, MAIN];
      await using floatie = await startFloatie(PRESSURE_ONLY, { command, env: { NODE_OPTIONS: option } });
      for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) floatie.process.kill(signal);
      for (let at = 0; at < 10; at++) await floatie.scrape();
      assert.deepEqual(readdirSync(home.path), []);
      assert.equal(await floatie.stop(), 0);
    });
  }
});

suite('--disable-sigusr1 is in every way to start', () => {
  for (const [file, how] of [
    ['package.json', /"start": "exec node --disable-sigusr1 dist\/main\.js/],
    ['dist/main.js', /^#!\/usr\/bin\/env -S node --disable-sigusr1\n/],
    ['image/floatie.c', /args\[1\] = "--disable-sigusr1";/],
    ['scripts/single/build.ts', /execArgv: \['--disable-sigusr1'\],\n\s*execArgvExtension: 'none'/],
  ] as const) {
    test(file, () => assert.match(readFileSync(join(ROOT, file), 'utf8'), how));
  }
});
