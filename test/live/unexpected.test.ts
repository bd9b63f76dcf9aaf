/** What nobody expected ends no Floatie: ways to attach that are all refused later, errors that nobody caught. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import type { Readiness } from '../../src/program/health.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { missing } from '../support/requirements.ts';

suite('a Floatie that goes on', { skip: missing('root', 'btf', 'mount namespaces') }, () => {
  /** A copy of Floatie whose programs can be taken away, and which sees a list of filesystems of our own. */
  function copyOf() {
    const folder = mkdtempSync(join(tmpdir(), 'floatie-copy-'));
    const root = dirname(dirname(MAIN));
    for (const name of ['dist', 'package.json', 'LICENSE'])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const filesystems = join(folder, 'filesystems');
    writeFileSync(filesystems, 'nodev\ttmpfs\n');
    const mounted = 'mount --bind "$0" /proc/filesystems && exec "$@"';
    return {
      command: ['unshare', '--mount', 'sh', '-c', mounted, filesystems, process.execPath, join(folder, 'dist/main.js')],
      takeProgramsAway: () => rmSync(join(folder, 'dist/bpf'), { recursive: true }),
      registerOverlay: () => writeFileSync(filesystems, 'nodev\ttmpfs\nnodev\toverlay\n'),
      [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
    };
  }

  test('when overlayfs appears and every way to attach is refused: /readyz says why, and the OOM probe stays', async () => {
    using copy = copyOf();
    await using floatie = await startFloatie([], { command: copy.command });
    const overlayfs = async () => (await readiness(floatie)).probes.find(({ probe }) => probe === 'overlayfs');
    assert.match((await overlayfs())?.reason ?? '', /waiting for its module/);
    copy.takeProgramsAway();
    copy.registerOverlay();
    const job = 'look after the overlayfs probe';
    const failures = async (): Promise<number> =>
      (await floatie.scrape()).sum('floatie_job_errors_total', { job_name: job });
    await eventually('it failed three times', async () => (await failures()) >= 3, 15_000);
    const { reason = '', refusals = [], attached } = (await overlayfs()) ?? {};
    assert.equal(attached, false);
    assert.doesNotMatch(reason, /waiting/);
    assert.match(reason, /overlayfs\.bpf\.o/);
    assert.deepEqual(
      refusals.map(({ method }) => method),
      ['fentry', 'kprobe', 'syscall', 'syscall_classic'],
    );
    const { ready, probes, failing } = await readiness(floatie);
    assert.deepEqual([ready, failing?.map(({ job }) => job)], [true, [job]]);
    assert.equal(probes.find(({ probe }) => probe === 'oom')?.attached, true);
    const told = floatie.log.filter(({ message }) => message.startsWith(`Cannot ${job}: `));
    assert.equal(told.length, 1, JSON.stringify(floatie.log));
    assert.equal(await floatie.stop(), 0);
  });

  test('when something throws where nobody catches it', async () => {
    const preload = `data:text/javascript,${encodeURIComponent(`
      process.on('SIGWINCH', () => { throw undefined; });
      process.on('SIGURG', () => { Promise.reject(null); });
    `)}`;
    await using floatie = await startFloatie([], { command: [process.execPath, '--import', preload, MAIN] });
    for (const signal of ['SIGWINCH', 'SIGURG'] as const) {
      floatie.process.kill(signal);
      const what = signal === 'SIGWINCH' ? 'undefined was thrown' : 'null was thrown';
      await eventually(`${what} is told`, () =>
        floatie.log.some(({ message }) => message.startsWith('Unexpected error')),
      );
    }
    assert.equal((await floatie.scrape()).sum('floatie_probe_attached', { probe: 'oom' }), 1);
    assert.equal(await floatie.stop(), 0);
  });
});

async function readiness(floatie: Floatie): Promise<Readiness> {
  const response = await fetch(new URL('/readyz', floatie.url), { signal: AbortSignal.timeout(30_000) });
  return (await response.json()) as Readiness;
}
