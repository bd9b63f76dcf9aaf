/** Floatie's container image, built from the Dockerfile on a base made here. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BASE, podman, podmanEnv } from './podman.ts';

export const IMAGE = 'localhost/floatie';
/** Always the same: buildah takes a layer that it has, whatever the arguments of its labels say. */
export const REVISION = '0123456789abcdef';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const HOW = ['--format', 'docker', '--isolation', 'chroot', '--network', 'host', '--layers', '--quiet'];

/** `docker build -t floatie:latest .`, or of another target. */
export function buildImage(name = IMAGE, ...options: string[]): void {
  // Where this machine reaches the registries through certificates of its own, npm in the build must know them.
  const certificates = existsSync(CERTIFICATES)
    ? ['-v', `${CERTIFICATES}:/run/certificates.crt:ro`, '--build-arg', 'NODE_EXTRA_CA_CERTS=/run/certificates.crt']
    : [];
  const args = [...certificates, '--build-arg', `BUILD_IMAGE=${BASE}`, '--build-arg', `REVISION=${REVISION}`];
  // By a name of its own, the stage that takes longest stays for the next time.
  build(ROOT, `${IMAGE}-dependencies`, ...args, '--target', 'dependencies');
  build(ROOT, name, ...args, ...options);
  podman('image', 'prune', '--force');
}

/** @param context a folder with a Dockerfile */
export function build(context: string, name: string, ...args: string[]): void {
  execFileSync('buildah', ['bud', ...HOW, ...args, '-t', name, context], {
    env: podmanEnv(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
