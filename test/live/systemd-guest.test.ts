/** The unit files of examples/systemd under a real systemd, as the README there installs them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { mountOverlay } from '../support/overlay.ts';
import { missing } from '../support/requirements.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/systemd/', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../config/floatie.yaml', import.meta.url));
const UNIT = 'floatie.service';
/** Emulated and on a busy machine; elsewhere it is a second. */
const START_MS = 150_000;
/** The same of the first collection, which waits for its turns between the programs that are loaded. */
const COLLECTION_MS = 60_000;
/** Of the test networks of RFC 5737: no address of loopback. */
const ADDRESS = '192.0.2.1';

suite('a real systemd', { skip: missing('systemd') }, () => {
  before(() => {
    mkdirSync('/etc/floatie', { recursive: true });
    cpSync(CONFIG, '/etc/floatie/floatie.yaml');
    for (const unit of ['floatie.service', 'floatie.socket'])
      cpSync(join(EXAMPLE, unit), `/etc/systemd/system/${unit}`);
    systemctl('daemon-reload');
    systemctl('start', 'floatie.socket', UNIT);
  });

  after(() => {
    process.stdout.write(execFileSync('journalctl', ['--unit', UNIT, '--no-pager'], { encoding: 'utf8' }));
  });

  test('sees that the service is ready, and how it does', (context) => {
    const status = systemctl('status', '--no-pager', '--full', UNIT);
    context.diagnostic(`status:\n${status}`);
    assert.match(status, /Active: active \(running\)/);
    assert.match(status, /Status: "overlayfs by .*http:\/\/127\.0\.0\.1:9090\/metrics/);
    assert.equal(show('NotifyAccess'), 'main');
  });

  test('gives it two capabilities, a user that is not root, and nothing to write to', () => {
    const status = readFileSync(`/proc/${show('MainPID')}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    assert.ok(Number(field('Uid').split('\t')[0]) > 0, field('Uid'));
    // CAP_PERFMON and CAP_BPF
    for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.equal(field(set), '000000c000000000');
    assert.equal(field('NoNewPrivs'), '1');
    assert.equal(field('Seccomp'), '2');
  });

  test('lets it measure an overlay exactly', async () => {
    using overlay = mountOverlay();
    await using cgroup = createCgroup('systemd');
    cgroup.run('dd', 'if=/dev/zero', `of=${join(overlay.path, 'file')}`, 'bs=100', 'count=123', 'status=none');
    const labels = { cgroup: cgroup.name };
    assert.equal((await scrape()).sum('floatie_overlayfs_write_latency_us_count', labels), 123);
  });

  test('reloads it: what the configuration says now, by the same process', async () => {
    const pid = show('MainPID');
    assert.ok((await scrape()).select('floatie_build_info').length > 0);
    const views =
      'views: [{ selector: { instrument_name: floatie_build_info }, stream: { aggregation: { drop: {} } } }]';
    writeFileSync('/etc/floatie/floatie.yaml', `${views}\n`);
    systemctl('reload', UNIT);
    await eventually(
      'the view is used',
      async () => (await scrape()).select('floatie_build_info').length === 0,
      60_000,
    );
    assert.equal(show('MainPID'), pid);
    assert.equal(show('ActiveState'), 'active');
  });

  test('starts it again when its event loop stands still', async () => {
    const pid = show('MainPID');
    // It has no debugger that could let it go round in circles.
    process.kill(Number(pid), 'SIGSTOP');
    await eventually('it is another process', () => !['0', pid].includes(show('MainPID')), 90_000);
    await eventually('it is ready again', () => show('ActiveState') === 'active', START_MS);
    assert.equal(show('NRestarts'), '1');
    assert.match(execFileSync('journalctl', ['--unit', UNIT, '--no-pager'], { encoding: 'utf8' }), /Watchdog timeout/);
  });

  test('listens for it: whoever scrapes while it is stopped waits for its start', async () => {
    systemctl('stop', UNIT);
    assert.equal(show('ActiveState'), 'inactive');
    assert.equal(show('Result'), 'success');
    writeFileSync('/etc/floatie/floatie.yaml', `exporters: { prometheus: { timeout_ms: ${COLLECTION_MS} } }\n`);
    const isAttached = async (): Promise<number | undefined> =>
      (await scrape()).select('floatie_probe_attached', { probe: 'overlayfs' })[0]?.value;
    assert.equal(await isAttached(), 0, 'who waited is answered before the programs are attached');
    await eventually('it measures', async () => (await isAttached()) === 1, START_MS);
  });

  test('says how exposed it is', (context) => {
    const text = execFileSync('systemd-analyze', ['security', '--no-pager', UNIT], { encoding: 'utf8' });
    const [, level = ''] = /Overall exposure level for floatie\.service: ([\d.]+)/.exec(text) ?? [];
    context.diagnostic(`security:\n${text}`);
    context.diagnostic(`found: ${level}`);
    assert.ok(Number(level) > 0 && Number(level) <= 1.6, text);
  });

  test('lets it have kprobes, scrapes and a collector at another address than loopback', async () => {
    execFileSync('ip', ['address', 'add', `${ADDRESS}/32`, 'dev', 'lo']);
    await using collector = createServer((request, response) => {
      received.push(request.url ?? '');
      request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    });
    const received: string[] = [];
    await new Promise<void>((resolve) => collector.listen(4318, ADDRESS, resolve));
    writeFileSync(
      '/etc/floatie/floatie.yaml',
      `receivers: { overlayfs: { attach: kprobe } }
exporters: { prometheus: { host: ${ADDRESS}, timeout_ms: ${COLLECTION_MS} }, otlphttp: { endpoint: "http://${ADDRESS}:4318", interval_ms: 1000 } }
service: { pipelines: { metrics: { exporters: [prometheus, otlphttp] } } }
`,
    );
    // What README.md beside the unit names for kprobes on Debian.
    const capabilities = 'CAP_DAC_OVERRIDE CAP_SYS_ADMIN';
    mkdirSync(`/etc/systemd/system/${UNIT}.d`, { recursive: true });
    writeFileSync(
      `/etc/systemd/system/${UNIT}.d/kprobes.conf`,
      `[Service]\nAmbientCapabilities=${capabilities}\nCapabilityBoundingSet=${capabilities}\nProtectKernelTunables=no\n`,
    );
    systemctl('daemon-reload');
    // It would hand over the port on loopback.
    systemctl('stop', 'floatie.socket', UNIT);
    systemctl('start', UNIT);
    const [probe] = (await scrape(ADDRESS)).select('floatie_probe_attached', { probe: 'overlayfs' });
    assert.deepEqual([probe?.labels.method, probe?.value], ['kprobe', 1]);
    await eventually('the collector has an export', () => received.includes('/v1/metrics'), 60_000);
  });
});

function systemctl(...args: string[]): string {
  return execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function show(property: string): string {
  return systemctl('show', UNIT, `--property=${property}`, '--value').trim();
}

async function scrape(address = '127.0.0.1'): Promise<Metrics> {
  const response = await fetch(`http://${address}:9090/metrics`, { signal: AbortSignal.timeout(START_MS) });
  return parseMetrics(await response.text());
}
