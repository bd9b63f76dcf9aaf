/**
 * A mount namespace for container runtimes with a /run, /home and runtime folders of its own, so that runtimes can use
 * their usual paths and leave nothing behind.
 */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { MAIN } from './floatie.ts';
import { peer } from './peers.ts';

/** A user for rootless containers. */
export const USER = { name: 'floatie-user', uid: 61_234 } as const;

const CGROUPS = '/sys/fs/cgroup';
/** The cgroups of the tests' containers, in every hierarchy; the processes in them are ended. */
const OURS = [
  'docker',
  'default',
  'shop',
  'lxc.pivot',
  'lxc.monitor.floatie.test',
  'lxc.payload.floatie.test',
  'floatie-box',
  'machine.slice/systemd-nspawn@w\\xc3\\xa4b\\x2d1.service',
  `user.slice/user-${USER.uid}.slice`,
  'machine.slice',
  'user.slice',
];

const PREPARE = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/layers /run/containers /run/user/${USER.uid}
for place in /home /var/lib /etc; do
  mkdir -p /run/layers$place/upper /run/layers$place/work
  mount -t overlay -o lowerdir=$place,upperdir=/run/layers$place/upper,workdir=/run/layers$place/work overlay $place
done
# No overlay can have another one as its upper layer.
for place in /var/lib/docker /var/lib/containers /home/${USER.name} /run/user/${USER.uid}; do
  mkdir -p $place
  mount -t tmpfs tmpfs $place
done
chown ${USER.uid}:${USER.uid} /home/${USER.name} /run/user/${USER.uid}
echo ${USER.name}:x:${USER.uid}:${USER.uid}::/home/${USER.name}:/bin/sh >>/etc/passwd
rm -rf /etc/docker /etc/containerd
mkdir -p /etc/containers
printf '[storage]\\ndriver = "overlay"\\ngraphroot = "/var/lib/containers/storage"\\nrunroot = "/run/containers/storage"\\n' \
  >/etc/containers/storage.conf
printf '[containers]\\ndefault_ulimits = []\\n[engine]\\nruntime = "runc"\\ncgroup_manager = "cgroupfs"\\nevents_logger = "file"\\n' \
  >/home/${USER.name}/containers.conf
echo ready
exec sleep infinity
`;

export interface Machine extends AsyncDisposable {
  /** The words in front of a command that run it in the namespace. */
  readonly enter: readonly string[];
  /** A root filesystem of a few files. */
  readonly rootfs: string;
  /** Runs a command in the namespace. Throws its output on failure. */
  run(...command: string[]): string;
  /** Runs a command without throwing on failure. */
  tryRun(...command: string[]): SpawnSyncReturns<string>;
  /** Runs a command until the machine is disposed of. */
  start(...command: string[]): ChildProcess;
}

export async function createMachine(): Promise<Machine> {
  const place = peer('runtimes');
  const before = cgroups();
  const init = spawn('unshare', ['--mount', 'sh', '-c', PREPARE], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(init.stdout, 'data');
  const env = {
    ...process.env,
    PATH: `${place}/bin:${place}/sbin:${process.env.PATH}`,
    LD_LIBRARY_PATH: join(place, 'lib'),
  };
  const enter = ['nsenter', `--mount=/proc/${init.pid}/ns/mnt`];
  const children: ChildProcess[] = [];
  const tryRun = (...command: string[]): SpawnSyncReturns<string> =>
    spawnSync('nsenter', [...enter.slice(1), ...command], { env, encoding: 'utf8', maxBuffer: 1 << 26 });
  return {
    enter,
    rootfs: join(place, 'rootfs'),
    tryRun,
    run(...command) {
      const { status, stdout, stderr } = tryRun(...command);
      if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stdout}${stderr}`);
      return stdout.trim();
    },
    start(...command) {
      const child = spawn('nsenter', [...enter.slice(1), ...command], { env, stdio: 'ignore' });
      children.push(child);
      return child;
    },
    async [Symbol.asyncDispose]() {
      // Daemons end the containers first.
      for (const child of children) child.kill();
      await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
      for (const pid of livingIn(`/proc/${init.pid}/ns/mnt`)) kill(pid);
      await (init.signalCode ?? once(init, 'exit'));
      await eventually('what the runtimes made in the hierarchies of cgroups can be removed', () => {
        for (const path of cgroups()) if (!before.has(path)) clear(path);
        return [...cgroups()].every((path) => before.has(path));
      });
    },
  };
}

/** The command line of Floatie in the namespace. */
export function floatieIn({ enter }: Machine): readonly string[] {
  // Programs in the namespace use the machine's libraries.
  return [...enter, process.execPath, MAIN];
}

/** Runs a command as the user, to whom a part of cgroup v2 is delegated. */
export function asUser(machine: Machine, cgroup: string, ...command: string[]): string {
  const home = `/home/${USER.name}`;
  const script = `
mount -t cgroup2 none ${CGROUPS}
mkdir -p ${CGROUPS}${cgroup}/shell
chown -R ${USER.uid} ${CGROUPS}${cgroup}
echo $$ >${CGROUPS}${cgroup}/shell/cgroup.procs
cd ${home}
exec setpriv --reuid ${USER.uid} --regid ${USER.uid} --clear-groups \\
  env HOME=${home} XDG_RUNTIME_DIR=/run/user/${USER.uid} CONTAINERS_CONF=${home}/containers.conf "$@"`;
  return machine.run('unshare', '--mount', 'sh', '-ec', script, 'sh', ...command);
}

function cgroups(): Set<string> {
  const hierarchies = [CGROUPS, ...readdirSync(CGROUPS).map((name) => join(CGROUPS, name))];
  return new Set(
    hierarchies.flatMap((path) =>
      OURS.flatMap((name) => (isShared(name) ? [join(path, name)].filter(existsSync) : below(join(path, name)))),
    ),
  );
}

/** Cgroups that systemd makes, too, with other processes in them. */
function isShared(name: string): boolean {
  return name === 'machine.slice' || name === 'user.slice';
}

/** All cgroups below a path, children first. */
function below(path: string): string[] {
  try {
    const names = readdirSync(path).filter((name) => statSync(join(path, name)).isDirectory());
    return [...names.flatMap((name) => below(join(path, name))), path];
  } catch {
    return [];
  }
}

/** Ends the processes in a cgroup, and removes it once it is empty. */
function clear(path: string): void {
  try {
    for (const pid of readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n')) if (pid !== '') kill(Number(pid));
    rmdirSync(path);
  } catch {
    // A process is still in it.
  }
}

function livingIn(namespace: string): number[] {
  const wanted = readlinkSync(namespace);
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/ns/mnt`) === wanted ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Removed meanwhile.
  }
}
