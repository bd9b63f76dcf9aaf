/** A real Floatie, told to read its configuration again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, type LogLine, startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { testReloads } from '../support/reloads.ts';
import { missing } from '../support/requirements.ts';

testReloads(20);

suite('a reload', { skip: missing('root', 'btf') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-reload-'));
  const file = join(folder, 'floatie.yaml');
  test.after(() => rmSync(folder, { recursive: true }));

  async function start(text = ''): Promise<Floatie> {
    writeFileSync(file, text);
    return startFloatie(['--config', file]);
  }

  /** What the log says of it, to its end. Others on the machine may be killed meanwhile. */
  async function reload({ process, log }: Floatie, text: string, isLast = 'is reloaded'): Promise<readonly LogLine[]> {
    const from = log.length;
    writeFileSync(file, text);
    process.kill('SIGHUP');
    await eventually('it is reloaded', () => log.slice(from).some(({ message }) => message.includes(isLast)));
    return log.slice(from).filter(({ message }) => message !== 'SIGKILL');
  }

  test('that cannot be used is told with all its problems, and all stays as it was', async () => {
    await using floatie = await start();
    const said = await reload(floatie, 'kernel: {max_map_entries: 0}\nviews: [{}]\nfoo: 1\n', 'views[0].stream');
    assert.deepEqual(
      said.map(({ level, message }) => [level, message.replace(/^.*(stays as it was): /, '$1: ')]).map(String),
      [
        `error,stays as it was: ${file}:3: foo: unknown key`,
        `error,stays as it was: kernel.max_map_entries: must be a whole number from 1 to 65536, not 0 (from ${file}:1)`,
        `error,stays as it was: views[0].selector: is missing (from ${file}:2)`,
        `error,stays as it was: views[0].stream: is missing (from ${file}:2)`,
      ],
    );
    assert.equal((await floatie.scrape()).sum('floatie_config_last_reload_successful'), 0);
    await reload(floatie, '');
    assert.equal((await floatie.scrape()).sum('floatie_config_last_reload_successful'), 1);
  });

  test('says in one line what needs a restart', async () => {
    await using floatie = await start();
    const said = await reload(floatie, 'kernel: {max_map_entries: 7}\nreceivers: {oom: {ring_bytes: 4096}}\n');
    assert.deepEqual(
      said.map(({ level, message }) => `${level} ${message}`),
      [
        'warn Settings that need a restart keep their values: kernel.max_map_entries, receivers.oom.ring_bytes',
        'info The configuration is reloaded',
      ],
    );
  });

  test('ends the series of a removed cgroup as soon as the new expire_ms says', async () => {
    using overlay = mountOverlay();
    await using floatie = await start('receivers: {overlayfs: {expire_ms: 86400000}}');
    const cgroup = createCgroup('reload');
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=1', 'count=100');
    const name = 'floatie_overlayfs_write_latency_us_count';
    const isThere = async () => (await floatie.scrape()).select(name, { cgroup: cgroup.name }).length > 0;
    assert.equal(await isThere(), true);
    await cgroup.remove();
    const said = await reload(floatie, 'receivers: {overlayfs: {expire_ms: 1000}}');
    assert.deepEqual(
      said.map(({ message }) => message),
      ['The configuration is reloaded'],
    );
    await eventually('its series has ended', async () => !(await isThere()), 10_000);
  });

  const withPort = (port: number): string =>
    `{exporters: {prometheus/lan: {port: ${port}}}, service: {pipelines: {metrics: {exporters: [prometheus, prometheus/lan]}}}}`;

  test('opens another port and closes it, and one that is taken leaves all as it was', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const url = `http://127.0.0.1:${port}/healthz`;
    try {
      await using floatie = await start();
      const said = await reload(floatie, withPort(port), 'stays as it was');
      assert.match(said.at(-1)?.message ?? '', /Cannot listen on 127\.0\.0\.1:\d+: another program does/);
      assert.equal((await floatie.scrape()).sum('floatie_config_last_reload_successful'), 0);
      other.close();
      await once(other, 'close');
      await reload(floatie, withPort(port));
      assert.equal(await (await fetch(url)).text(), 'ok\n');
      assert.equal((await floatie.scrape()).sum('floatie_config_last_reload_successful'), 1);
      await reload(floatie, '');
      await assert.rejects(fetch(url));
      await floatie.scrape();
    } finally {
      other.close();
    }
  });
});
