/** Docker itself: a daemon of its own, with images made here under the names that the documents have. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { eventually } from './eventually.ts';
import { mountsOf } from './mounts.ts';
import { folder, peer, startDaemon } from './peers.ts';
import { BASE, podmanEnv } from './podman.ts';

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** Where no package of Debian puts anything. */
export const CERTIFICATES_THERE = '/run/certificates.crt';

export interface Docker extends AsyncDisposable {
  readonly env: NodeJS.ProcessEnv;
  /** Instead of /var/lib/docker. */
  readonly dataRoot: string;
  /** @returns what docker prints */
  run(...args: string[]): string;
  /** Imports a plain Debian under this name. */
  importBase(name: string): void;
  /** Builds an image of a Dockerfile alone, or with some files beside it. */
  build(name: string, dockerfile: string, ...files: string[]): void;
  /** Runs a command of a document to its end. */
  execute(command: string, cwd: string): void;
}

export async function startDocker(): Promise<Docker> {
  const docker = peer('docker');
  await using stack = new AsyncDisposableStack();
  const home = stack.use(folder());
  const at = (name: string): string => join(home.path, name);
  // Without tables of the firewall, which the machine may not have, published ports go through docker-proxy.
  const paths = [
    '--data-root',
    at('data'),
    '--exec-root',
    at('exec'),
    '--pidfile',
    at('pid'),
    '--host',
    `unix://${at('sock')}`,
  ];
  const daemon = startDaemon('/usr/sbin/dockerd', [
    ...paths,
    ...['--iptables=false', '--ip6tables=false', '--storage-driver=overlay2'],
  ]);
  stack.defer(async () => {
    await daemon.stop();
    // With its last container's network it would go; there may have been none.
    spawnSync('umount', [join(at('exec'), 'netns/default')], { stdio: 'ignore' });
    await removeTraces();
  });
  await eventually('dockerd is ready', () => daemon.output().includes('API listen on')).catch((error: Error) => {
    throw new Error(`${error.message}\n${daemon.output()}`);
  });
  const bin = dirname(docker);
  const env = {
    ...process.env,
    ...{ DOCKER_HOST: `unix://${at('sock')}`, DOCKER_BUILDKIT: '0', DOCKER_CONFIG: home.path },
    PATH: `${bin}:${process.env.PATH}`,
  };
  const run = (...args: string[]): string =>
    execFileSync(docker, args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 << 20,
    }).trim();
  stack.defer(() => {
    const ids = run('ps', '--all', '--quiet').split('\n').filter(Boolean);
    if (ids.length > 0) run('rm', '--force', '--volumes', ...ids);
  });
  const owned = stack.move();
  return {
    env,
    dataRoot: at('data'),
    run,
    importBase(name) {
      const buildah = (...args: string[]): string =>
        execFileSync('buildah', args, { env: podmanEnv(), encoding: 'utf8' }).trim();
      const container = buildah('from', BASE);
      try {
        const root = buildah('mount', container);
        if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(root, CERTIFICATES_THERE));
        execFileSync(
          'sh',
          ['-c', 'tar -C "$1" --one-file-system -c . | "$2" import - "$3"', 'sh', root, docker, name],
          {
            env,
            stdio: ['ignore', 'ignore', 'inherit'],
          },
        );
      } finally {
        buildah('rm', container);
      }
    },
    build(name, dockerfile, ...files) {
      using context = folder({ Dockerfile: dockerfile });
      for (const file of files) copyFileSync(file, join(context.path, basename(file)));
      run('build', '--network=host', '--tag', name, context.path);
    },
    execute(command, cwd) {
      execFileSync('sh', ['-c', command], { env, cwd, stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 256 << 20 });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Docker leaves its bridge, and a cgroup in each hierarchy. */
async function removeTraces(): Promise<void> {
  spawnSync('ip', ['link', 'delete', 'docker0'], { stdio: 'ignore' });
  for (const { target } of mountsOf().filter(({ type }) => type.startsWith('cgroup'))) {
    const parent = join(target, 'docker');
    // A container's own goes a moment after its last process.
    await eventually(
      `${parent} is removed`,
      () => spawnSync('rmdir', [parent], { stdio: 'ignore' }).status === 0 || !existsSync(parent),
    );
  }
}
