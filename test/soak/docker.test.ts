/** The Dockerfile and the embedded example, built by Docker itself as the documents write it, with a base made here. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CERTIFICATES_THERE, type Docker, startDocker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { peer } from '../support/peers.ts';
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
      docker.execute(asDockerKnows(detached, docker), ROOT);
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

  test('runs the embedded example with its collector and its Prometheus by docker-compose', async () => {
    // Stand-ins under the names of images that cannot be pulled here: the programs are real, but for Grafana.
    const collector = 'docker.io/otel/opentelemetry-collector:0.152.0';
    const programs = {
      [collector]: peer('otelcol'),
      'docker.io/prom/prometheus:v3.5.0': join(peer('prometheus'), 'prometheus'),
    };
    for (const [image, program] of Object.entries(programs)) {
      const started = `FROM debian:bookworm-slim\nCOPY ${basename(program)} /program\nENTRYPOINT ["/program"]`;
      docker.build(image, started, program);
    }
    docker.build('docker.io/grafana/grafana:12.0.0', 'FROM debian:bookworm-slim\nCMD ["sleep", "1000"]');
    const example = join(ROOT, 'examples/embedded');
    const file = readFileSync(join(example, 'compose.yaml'), 'utf8');
    const known = isOld(docker) ? file.replace('[BPF, PERFMON,', '[SYS_ADMIN,') : file;
    // As `docker compose -f examples/embedded/compose.yaml`, whose command of its own Debian 12 has.
    const compose = (...args: string[]): string =>
      execFileSync('docker-compose', ['-p', 'floatie', '--project-directory', example, '-f', '-', ...args], {
        cwd: example, // docker-compose 1 looks for the seccomp profile from here
        env: docker.env,
        input: known,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    try {
      compose('up', '--detach', '--no-build');
      await eventually('Floatie measures its container', async () => {
        await fetch('http://127.0.0.1:8000/heavy?blocks=100').catch(() => null);
        return (await scrape()).sum('floatie_overlayfs_write_latency_us_count') > 0;
      });
      await eventually(
        'Prometheus has it',
        async () => {
          const query = 'http://127.0.0.1:9091/api/v1/query?query=floatie_overlayfs_write_latency_us_count';
          const response = await fetch(query).catch(() => null);
          return response !== null && (await response.text()).includes('"value"');
        },
        60_000,
      );
      await eventually(
        'the collector has it',
        () => compose('logs', 'otel-collector').includes('floatie_overlayfs_write_latency_us'),
        60_000,
      );
    } finally {
      compose('down', '--timeout', '5');
    }
  });
});

/** The commands of a page that begin like this. */
function commandsOf(page: string, begin: string): string[] {
  const commands = shellBlocks(readFileSync(join(ROOT, page), 'utf8')).flatMap((block) => block.commands);
  return commands.filter((line) => line.startsWith(begin));
}

/** Docker before 23 knows neither of the capabilities; docs/running.md says what to write there. */
function isOld(docker: Docker): boolean {
  return Number.parseInt(docker.run('version', '--format', '{{.Server.Version}}'), 10) < 23;
}

function asDockerKnows(command: string, docker: Docker): string {
  if (!isOld(docker)) return command;
  return command.replace('--cap-add BPF', '--cap-add SYS_ADMIN').replace('--cap-add PERFMON', '');
}

async function scrape(): Promise<Metrics> {
  const response = await fetch('http://127.0.0.1:9090/metrics').catch(() => null);
  return parseMetrics((await response?.text()) ?? '');
}
