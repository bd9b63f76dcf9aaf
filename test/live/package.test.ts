/** The published package, installed elsewhere by people who have no compiler. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** All that is on PATH there. */
const PROGRAMS = ['npm', 'npx', 'sh', 'env', 'ldconfig'];

suite('the package, installed elsewhere', { skip: missing('root', 'btf') }, () => {
  const home = folder();
  after(() => home[Symbol.dispose]());
  const example = join(home.path, 'plugin');
  const bin = join(home.path, 'bin');
  const env = { ...process.env, PATH: bin };

  before(() => {
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
    for (const name of PROGRAMS) {
      symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(bin, name));
    }
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', home.path], { cwd: ROOT });
    cpSync(join(ROOT, 'examples/plugin'), example, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(example, 'package.json'), 'utf8'));
    manifest.dependencies.floatie = `file:../${basename(packed.toString().trim())}`;
    writeFileSync(join(example, 'package.json'), JSON.stringify(manifest));
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
      cwd: example,
      env,
    });
  });

  test('has one copy of each OpenTelemetry package', () => {
    const listed = execFileSync('npm', ['ls', '--all', '--parseable'], { cwd: example, env, encoding: 'utf8' });
    const names = listed.split('\n').filter((path) => /@opentelemetry\/(api|core|resources|sdk-metrics)$/.test(path));
    assert.equal(names.length, 4, names.join('\n'));
  });

  test('brings the command', () => {
    const said = execFileSync('npx', ['floatie', '--version'], { cwd: example, env, encoding: 'utf8' });
    assert.match(said, /^floatie \d/);
  });

  test('lets another program export what the kernel measures through its own MeterProvider', async () => {
    using overlay = mountOverlay();
    const program = spawn(process.execPath, ['main.js'], { cwd: example, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(program, 'exit');
    let printed = '';
    let log = '';
    program.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    program.stderr.on('data', (chunk) => {
      log += chunk;
    });
    try {
      await eventually('it measures', () => log.includes('exports every 10 s'));
      execFileSync('dd', ['if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100'], {
        stdio: 'ignore',
      });
      // Its last export is at its end.
      program.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
    } finally {
      program.kill('SIGKILL');
    }
    for (const name of ['floatie_overlayfs_write_latency_us', 'floatie_oom_kills_total', 'floatie_probe_attached']) {
      assert.ok(printed.includes(name), name);
    }
    assert.match(printed, /count: 100\b/);
  });
});
