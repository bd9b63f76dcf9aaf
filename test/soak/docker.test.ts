/** The Dockerfile, the documents' lines and the embedded example by Docker itself, with images made here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CERTIFICATES_THERE, type Docker, startDocker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { peer } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';
import { shellBlocks } from '../support/shell-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const EMBEDDED = 'examples/embedded/README.md';
const WRITES = 'floatie_overlayfs_write_latency_us_count';
const PYTHON = `FROM debian:bookworm-slim
RUN apt-get -qq update && apt-get install -qq -y --no-install-recommends python3-minimal libpython3-stdlib`;

/** The commands of a page that begin so. */
function commandsOf(page: string, beginning: string): string[] {
  const blocks = shellBlocks(readFileSync(join(ROOT, page), 'utf8'));
  return blocks.flatMap(({ commands }) => commands).filter((command) => command.startsWith(beginning));
}

async function scrape(): Promise<Metrics> {
  return parseMetrics(await (await fetch('http://127.0.0.1:9090/metrics')).text());
}

/** Published ports take connections before Floatie listens. */
async function ready(what: string, output: () => string): Promise<void> {
  const isReady = () =>
    fetch('http://127.0.0.1:9090/readyz').then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually(what, isReady, 60_000).catch((error: Error) => {
    throw new Error(`${error.message}\n${output()}`);
  });
}

suite("Debian's Docker", { skip: missing('root', 'btf') }, () => {
  let docker: Docker;
  const build = (command: string): void =>
    // Without tables of the firewall only the host's network has a way out.
    docker.execute(
      command.replace(
        'docker build',
        `docker build --network=host --build-arg NODE_EXTRA_CA_CERTS=${CERTIFICATES_THERE}`,
      ),
      ROOT,
    );

  before(async () => {
    docker = await startDocker();
    docker.importBase('debian:bookworm-slim');
    docker.build('docker.io/library/python:3.13-slim', PYTHON);
    for (const page of ['README.md', EMBEDDED]) for (const command of commandsOf(page, 'docker build ')) build(command);
    docker.wrap('docker.io/otel/opentelemetry-collector:0.152.0', peer('otelcol'));
    docker.wrap('docker.io/prom/prometheus:v3.5.0', join(peer('prometheus'), 'prometheus'));
  });
  after(() => docker?.[Symbol.asyncDispose]());

  for (const [at, name] of ['all that it can use', 'the least'].entries()) {
    test(`the README's line with ${name} measures the host's other containers, and the image is healthy`, async () => {
      const line = commandsOf('README.md', 'docker run ')[at] ?? '';
      await using floatie = docker.start(line);
      await ready('Floatie is ready', floatie.output);
      const id = docker.run('run', '--detach', '--network=none', 'debian:bookworm-slim', ...writes(500));
      await eventually(
        'the writes are counted',
        async () => (await scrape()).sum(WRITES, { container_id: id }) === 500,
      );
      const [own = ''] = docker.run('ps', '--quiet', '--filter', 'ancestor=floatie:latest').split('\n');
      const check: string[] = JSON.parse(docker.run('inspect', '--format', '{{json .Config.Healthcheck.Test}}', own));
      docker.run('exec', own, ...check.slice(1));
    });
  }

  test('a Floatie on the host knows names and ids of its containers, and who of them ran out of memory', async () => {
    await using floatie = await startFloatie();
    const id = docker.run(
      'run',
      '--detach',
      '--name',
      'shop',
      '--network=none',
      'debian:bookworm-slim',
      ...writes(300),
    );
    const labels = { container_id: id, container_name: 'shop', container_image_name: 'debian' };
    await eventually('the writes are counted', async () => (await floatie.scrape()).sum(WRITES, labels) === 300);
    const hog = ['--memory=32m', '--memory-swap=32m', '--network=none', 'debian:bookworm-slim', 'tail', '/dev/zero'];
    const full = docker.run('run', '--detach', '--name', 'full', ...hog);
    assert.equal(docker.run('wait', full), '137');
    assert.equal(docker.run('inspect', '--format', '{{.State.OOMKilled}}', full), 'true');
    const killed = { container_id: full, container_name: 'full', victim_comm: 'tail' };
    await eventually('the kill is counted', async () => {
      return (await floatie.scrape()).sum('floatie_oom_kills_total', killed) === 1;
    });
    assert.equal(await floatie.stop(), 0);
  });

  test('the embedded example runs by its lines, and by docker-compose with Prometheus and a collector', async () => {
    {
      await using both = docker.start(commandsOf(EMBEDDED, 'docker run ')[0] ?? '');
      await ready('the example is ready', both.output);
      assert.equal((await fetch('http://127.0.0.1:8000/heavy?blocks=1000')).status, 200);
      assert.ok((await scrape()).sum(WRITES) >= 1000);
    }
    const [line = ''] = commandsOf(EMBEDDED, 'docker compose ');
    // Compose of Debian is a command of its own; Grafana is not to be had here.
    const compose = `${line.replace('docker compose', 'docker-compose')} app otel-collector prometheus`;
    await using all = docker.start(compose);
    await ready('the example is ready by compose', all.output);
    await eventually('the collector prints what it gets', () => all.output().includes('floatie_build_info'), 60_000);
    const asked = async (): Promise<boolean> => {
      const url = 'http://127.0.0.1:9091/api/v1/query?query=floatie_build_info';
      const answer = await fetch(url).then(
        (response) => response.text(),
        () => '',
      );
      return answer.includes('"__name__":"floatie_build_info"');
    };
    await eventually('Prometheus has scraped', asked, 60_000);
  });
});

function writes(count: number): string[] {
  return ['sh', '-c', `dd if=/dev/zero of=/f bs=4096 count=${count} status=none; sleep 300`];
}
