/** Of the time that containers wait for their files, how much Floatie shows. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { suite, test } from 'node:test';
import { startFloatie } from '../support/floatie.ts';
import { peer } from '../support/peers.ts';
import { podman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';
import { commitRows, compareWaits, countedBy, EVERY_OPERATION, startObserver } from '../support/waits.ts';

const IMAGE = 'localhost/floatie-waits';
const PACKAGES = 'bzip2 curl file jq less make nano patch rsync tmux';

/** What is done before anybody looks, and what is looked at. */
const WORKLOADS: Readonly<Record<string, readonly [before: string, work: string]>> = {
  'PostgreSQL under pgbench': [
    'pg_ctlcluster 15 main start && su postgres -c "pgbench -q -i -s 5 && psql -qc checkpoint"',
    'su postgres -c "pgbench -c 4 -T 10"',
  ],
  'SQLite with a commit a row': ['true', `/opt/node/node -e "${commitRows('/var/tmp/rows', 2000)}"`],
  'npm ci': [
    'true',
    'cd /opt/project && /opt/node/node /opt/node/npm/bin/npm-cli.js ci --offline --ignore-scripts --no-audit --no-fund --cache /opt/npm-cache',
  ],
  'apt-get install of ten packages': ['true', `apt-get -qq install -y --no-install-recommends ${PACKAGES}`],
  'git status in a large tree': ['true', 'cd /opt/tree && git status --short'],
  'chown -R /usr/share': ['true', 'chown -R 1234 /usr/share'],
  'rm -rf /usr/share': ['true', 'rm -rf /usr/share'],
};

suite('what people wait for', { skip: missing('root', 'btf', 'x86', 'bpftrace') }, () => {
  for (const [name, [before, work]] of Object.entries(WORKLOADS)) {
    test(`of ${name} Floatie shows what its calls of overlayfs took`, async (context) => {
      peer('waits');
      using container = startContainer('--network=none', IMAGE, 'sleep', '1000');
      const inside = (script: string): string => podman('exec', container.id, 'sh', '-c', script);
      inside(before);
      execFileSync('sync');
      const pid = podman('inspect', '--format', '{{.State.Pid}}', container.id);
      const inum = Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/pid`))?.[0]);
      await using floatie = await startFloatie(EVERY_OPERATION);
      await using observer = await startObserver(inum);
      inside(work);
      const counted = countedBy(await floatie.scrape(), { container_id: container.id });
      const { share, followed, lines } = compareWaits(await observer.end(), counted);
      context.diagnostic(
        `${name}: Floatie shows ${percent(share)} of what it follows, which is ${percent(followed)} of the waits`,
      );
      for (const line of lines) context.diagnostic(`  ${line}`);
      assert.ok(share >= 0.95, `${share}`);
    });
  }
});

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
