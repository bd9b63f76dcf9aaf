/** Floatie's container image, built from the Dockerfile on a base made here. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BASE, podman, podmanEnv } from './podman.ts';

export const IMAGE = 'localhost/floatie';
/** Constant, because buildah reuses a layer even if the arguments in its labels differ. */
export const REVISION = '0123456789abcdef';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const HOW = ['--format', 'docker', '--isolation', 'chroot', '--network', 'host', '--layers', '--quiet'];

/** `docker build -t floatie:latest .`, or of another target. */
export function buildImage(name = IMAGE, ...options: string[]): void {
  // npm in the build needs this machine's CA certificates, if it has any of its own.
  const certificates = existsSync(CERTIFICATES)
    ? ['-v', `${CERTIFICATES}:/run/certificates.crt:ro`, '--build-arg', 'NODE_EXTRA_CA_CERTS=/run/certificates.crt']
    : [];
  const args = [...certificates, '--build-arg', `BUILD_IMAGE=${BASE}`, '--build-arg', `REVISION=${REVISION}`];
  // With a name of its own the slowest stage stays cached for the next build.
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
