/** The Dockerfile and the embedded example, built by Docker itself as the documents write it, with a base made here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CERTIFICATES_THERE, startDocker } from '../support/docker.ts';
import { missing } from '../support/requirements.ts';
import { shellBlocks } from '../support/shell-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PYTHON = `FROM debian:bookworm-slim
RUN apt-get -qq update && apt-get install -qq -y --no-install-recommends python3-minimal libpython3-stdlib`;
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

test("Debian's Docker builds the images by the lines of the documents, and Floatie starts in them", {
  skip: missing('root'),
}, async () => {
  await using docker = await startDocker();
  docker.importBase('debian:bookworm-slim');
  docker.build('docker.io/library/python:3.13-slim', PYTHON);
  for (const page of ['README.md', 'examples/embedded/README.md']) {
    const commands = shellBlocks(readFileSync(join(ROOT, page), 'utf8')).flatMap((block) => block.commands);
    for (const command of commands.filter((line) => line.startsWith('docker build '))) {
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
