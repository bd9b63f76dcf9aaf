/** The Dockerfile and the embedded example, built by Docker itself as the documents write it, with a base made here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CERTIFICATES_THERE, type Docker, startDocker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { missing } from '../support/requirements.ts';
import { shellBlocks } from '../support/shell-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PYTHON = `FROM debian:bookworm-slim
RUN apt-get -qq update && apt-get install -qq -y --no-install-recommends python3-minimal libpython3-stdlib`;
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

suite("Debian's Docker", { skip: missing('root') }, () => {
  const stack = new AsyncDisposableStack();
  let docker: Docker;
  before(async () => {
    docker = stack.use(await startDocker());
    docker.importBase('debian:bookworm-slim');
    docker.build('docker.io/library/python:3.13-slim', PYTHON);
  });
  after(() => stack.disposeAsync());

  test('builds the images by the lines of the documents, and Floatie starts in them', () => {
    for (const page of ['README.md', 'examples/embedded/README.md']) {
      for (const command of commandsOf(page, 'docker build ')) {
        // Without tables of the firewall only the host's network has a way out.
        const more = `--network=host --build-arg NODE_EXTRA_CA_CERTS=${CERTIFICATES_THERE}`;
        docker.execute(command.replace('docker build', `docker build ${more}`), ROOT);
      }
    }
    const run = (...args: string[]): string => docker.run('run', '--rm', '--network=none', ...args);
    assert.equal(run('floatie:latest', '--version'), `floatie ${version}`);
    assert.equal(run('floatie:latest', 'validate'), 'The configuration is valid');
    assert.equal(run('--entrypoint=floatie', 'floatie-embedded', '--version'), `floatie ${version}`);
    assert.match(docker.run('inspect', '--format', '{{json .Config.Healthcheck.Test}}', 'floatie:latest'), /readyz/);
  });

  for (const [index, command] of commandsOf('README.md', 'docker run ').entries()) {
    test(`runs Floatie by line ${index + 1} of the README, which counts the writes of another container`, async () => {
      const ofNames = `-v ${docker.dataRoot}/containers:/var/lib/docker/containers:ro --cap-add DAC_READ_SEARCH`;
      // Without a terminal, and with what docs/running.md has for names.
      const detached = command.replace('docker run --rm -it', `docker run --rm -d --name floatie ${ofNames}`);
      docker.execute(asVersionKnows(detached, docker.run('version', '--format', '{{.Server.Version}}')), ROOT);
      docker.run('run', '--rm', '-d', '--name', 'web-1', '--network=none', 'debian:bookworm-slim', 'sleep', '1000');
      try {
        await eventually(
          'it measures',
          async () => (await scrape()).sum('floatie_probe_attached', { probe: 'overlayfs' }) === 1,
        );
        docker.run('exec', 'web-1', 'dd', 'if=/dev/zero', 'of=/file', 'bs=1k', 'count=123', 'status=none');
        await eventually('the writes are counted', async () => {
          const writes = (await scrape()).sum('floatie_overlayfs_write_latency_us_count', { container_name: 'web-1' });
          return writes === 123;
        });
        await eventually(
          'its health check passes',
          () => {
            return docker.run('inspect', '--format', '{{.State.Health.Status}}', 'floatie') === 'healthy';
          },
          60_000,
        );
      } finally {
        docker.run('stop', '--time=5', 'floatie', 'web-1');
      }
    });
  }
});

/** The commands of a page that begin like this. */
function commandsOf(page: string, begin: string): string[] {
  const commands = shellBlocks(readFileSync(join(ROOT, page), 'utf8')).flatMap((block) => block.commands);
  return commands.filter((line) => line.startsWith(begin));
}

/** As docs/running.md says of Docker before 23. */
function asVersionKnows(command: string, version: string): string {
  if (Number.parseInt(version, 10) >= 23) return command;
  return command.replace('--cap-add BPF', '--cap-add SYS_ADMIN').replace('--cap-add PERFMON', '');
}

async function scrape(): Promise<Metrics> {
  const response = await fetch('http://127.0.0.1:9090/metrics').catch(() => null);
  return parseMetrics((await response?.text()) ?? '');
}
