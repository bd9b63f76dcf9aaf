/** The real daemons that kill before the kernel has to. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { fixture } from '../support/fixtures.ts';
import { missing } from '../support/requirements.ts';
import { attachKills, EARLYOOM } from '../support/sigkills.ts';

const DAEMON = 'systemd-oomd.service';
/** Of a service. One takes memory, the others do not end by SIGTERM, which systemd sends once that one has ended. */
const PROCESSES = 25;
const SCALE = Number(process.env.TEST_SCALE ?? 1);
/** Between two kills the daemon waits for 15 s. */
const SERVICES = Math.ceil(4 * SCALE);
const TIMES = Math.ceil(100 * SCALE);
const KILL_MS = 120_000;

/** It kills all of a service that waits for memory most of the time. */
suite('systemd-oomd itself', { skip: missing('systemd') }, () => {
  before(() => {
    mkdirSync('/etc/systemd/oomd.conf.d', { recursive: true });
    writeFileSync('/etc/systemd/oomd.conf.d/soon.conf', '[OOM]\nDefaultMemoryPressureDurationSec=1s\n');
    systemctl('restart', DAEMON);
  });
  after(() => {
    process.stdout.write(execFileSync('journalctl', ['--unit', DAEMON, '--no-pager'], { encoding: 'utf8' }));
    systemctl('stop', DAEMON);
  });

  test(`kills ${SERVICES * PROCESSES} processes, each of which counts as killed by it`, async () => {
    using kills = attachKills();
    const pid = systemctl('show', DAEMON, '--property=MainPID', '--value').trim();
    for (let at = 0; at < SERVICES; at++) {
      const cgroup = { name: `/system.slice/pressed-${at}.service` };
      startPressed(`pressed-${at}`);
      const records = await kills.after(PROCESSES, cgroup, KILL_MS);
      assert.deepEqual(kills.counts(cgroup), { 'oomd systemd-oomd': PROCESSES }, JSON.stringify(records));
      assert.deepEqual(
        records.map(({ killer, processes }) => [killer, processes]),
        [['oomd', PROCESSES]],
      );
      assert.match(
        String(records[0]?.explanation),
        new RegExp(`by systemd-oomd \\(pid ${pid}\\), which frees memory before the kernel has to`),
      );
    }
  });
});

suite('earlyoom itself', { skip: missing('systemd') }, () => {
  test(`kills ${TIMES} processes one by one, each of which counts as killed by it`, async () => {
    using kills = attachKills();
    for (let at = 0; at < TIMES; at++) {
      await using cgroup = createCgroup('earlyoom');
      const { counts, killer, explanation } = await EARLYOOM.kill(cgroup);
      const records = await kills.after(1, cgroup);
      assert.deepEqual(kills.counts(cgroup), counts, JSON.stringify(records));
      assert.deepEqual(
        records.map((record) => record.killer),
        [killer],
      );
      assert.match(String(records[0]?.explanation), explanation);
    }
  });
});

/** It may have 32 MB, and beyond them each page takes it long. */
function startPressed(unit: string): void {
  const script = `for _ in $(seq ${PROCESSES - 1}); do "$0" deaf >/dev/null & done; exec "$1" greedy 500`;
  const properties = ['MemoryHigh=32M', 'ManagedOOMMemoryPressure=kill', 'ManagedOOMMemoryPressureLimit=1%'];
  execFileSync('systemd-run', [
    ...['--quiet', '--unit', unit, ...properties.flatMap((property) => ['--property', property])],
    ...['sh', '-c', script, fixture('killed'), fixture('hog')],
  ]);
}

function systemctl(...args: string[]): string {
  return execFileSync('systemctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
