/** examples/embedded: an application's container with Floatie inside, as its README runs it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dockerRuns, type Published, startPublished } from '../support/docker-run.ts';
import { eventually } from '../support/eventually.ts';
import { build, buildImage } from '../support/image.ts';
import { folder } from '../support/peers.ts';
import { BASE, podman, runPodman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/embedded', import.meta.url));
const IMAGE = 'localhost/floatie-embedded';
const SINGLE = 'localhost/floatie:single';
const PYTHON = 'localhost/floatie-python';

const [asDocumented = []] = dockerRuns('examples/embedded/README.md');

suite('an application with Floatie beside it in its container', { skip: missing('root', 'btf') }, () => {
  before(() => {
    buildImage(SINGLE, '--target', 'single');
    using python = folder({
      Dockerfile: `FROM ${BASE}
        RUN apt-get -qq update && apt-get install -qq -y --no-install-recommends python3-minimal libpython3-stdlib >/dev/null`,
    });
    build(python.path, PYTHON);
    build(EXAMPLE, IMAGE, '--build-arg', `FLOATIE_IMAGE=${SINGLE}`, '--build-arg', `APP_IMAGE=${PYTHON}`);
  });

  test('measures what the application does, and nothing else, next to its own metrics', async () => {
    using both = await start();
    const labels = { container_id: both.id };
    const before = await both.scrape();
    using other = startContainer('--network=none', BASE, 'dd', 'if=/dev/zero', 'of=/f', 'bs=4096', 'count=500');
    podman('wait', other.id);
    assert.equal((await both.get(8000, '/heavy?blocks=1000')).status, 200);
    const after = await both.scrape();
    for (const direction of ['read', 'write']) {
      const name = `floatie_overlayfs_${direction}_latency_us_count`;
      assert.equal(after.sum(name, labels) - before.sum(name, labels), 1000, direction);
      assert.equal(after.sum(name), after.sum(name, labels), 'all of it is this container’s');
    }
    const own = await (await both.get(8000, '/metrics')).text();
    assert.match(own, /^app_blocks_total\{direction="write"\} 1000$/m);
  });

  test('records the death of a child that takes more memory than the container may have, and the application goes on', async () => {
    using both = await start();
    assert.deepEqual(await (await both.get(8000, '/hog?megabytes=4096')).json(), { megabytes: 4096, killed: true });
    const kill = { container_id: both.id, trigger_comm: 'hog', victim_comm: 'hog' };
    await eventually('the kill is counted', async () => {
      return (await both.scrape()).sum('floatie_oom_kills_total', kill) === 1;
    });
    assert.match(await (await both.get(8000, '/metrics')).text(), /^app_hogs_total\{end="killed"\} 1$/m);
  });

  test('the application runs as a user without any capability', async () => {
    using both = await start();
    const status = readFileSync(`/proc/${pidOf(both, /^python3 /)}/status`, 'utf8');
    assert.match(status, /^Uid:\s+10001\s+10001\s+10001\s+10001$/m);
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
      assert.match(status, new RegExp(`^Cap${set}:\\s+0{16}$`, 'm'));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
  });

  test('Floatie runs with its two capabilities and none of those that start it', async () => {
    using both = await start();
    const status = readFileSync(`/proc/${pidOf(both, /^floatie$/)}/status`, 'utf8');
    // linux/capability.h: PERFMON is 38, BPF is 39.
    for (const set of ['Prm', 'Eff', 'Bnd']) assert.match(status, new RegExp(`^Cap${set}:\\s+000000c000000000$`, 'm'));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    assert.match(status, /^Seccomp:\s+2$/m);
  });

  for (const [signal, code] of Object.entries({ TERM: 0, INT: 0, HUP: 129 })) {
    test(`SIG${signal} stops the application, and then Floatie`, async () => {
      using both = await start();
      const begin = performance.now();
      podman('kill', '--signal', signal, both.id);
      assert.equal(podman('wait', both.id), String(code));
      assert.ok(performance.now() - begin < 8000, 'sooner than a runtime loses patience');
      const log = both.log();
      assert.match(log, signal === 'HUP' ? /Stopping/ : new RegExp(`app: stopping on SIG${signal}\\s[^]*Stopping`));
      assert.doesNotMatch(log, /Floatie ended/);
    });
  }

  const ends = { 'exit 7': 7, 'kill -KILL $$': 137, 'kill -SEGV $$': 139, 'exec missing': 127 };
  test("the application's exit code is the container's", () => {
    for (const [script, code] of Object.entries(ends)) {
      const { status, stderr } = runPodman('run', '--rm', '--ulimit=host', '--network=none', IMAGE, 'sh', '-c', script);
      assert.equal(status, code, `${script}: ${stderr}`);
    }
  });

  test('when Floatie is killed the application goes on, and the log says so', async () => {
    using both = await start();
    process.kill(pidOf(both, /^floatie$/), 'SIGKILL');
    await eventually('it is logged', () =>
      both.log().includes('Floatie ended with exit code 137; the application goes on'),
    );
    assert.equal((await both.get(8000, '/metrics')).status, 200);
    podman('stop', both.id);
    assert.equal(podman('inspect', '--format', '{{.State.ExitCode}}', both.id), '0');
  });

  test('what has lost its parent is collected when it ends', async () => {
    using both = await start();
    const orphan = podman('exec', both.id, 'sh', '-c', 'sleep 0.1 >/dev/null & echo $!');
    await eventually('no zombie is left of it', () => {
      return runPodman('exec', both.id, 'test', '-e', `/proc/${orphan}`).status === 1;
    });
  });
});

function start(): Promise<Published> {
  return startPublished(asDocumented);
}

/** Outside of the container. */
function pidOf({ id }: Published, command: RegExp): number {
  const lines = podman('top', id, 'hpid', 'args').split('\n').slice(1);
  const [pid] = lines.map((line) => line.trim().split(/\s+(.*)/)).find(([, args = '']) => command.test(args)) ?? [];
  return Number(pid);
}
