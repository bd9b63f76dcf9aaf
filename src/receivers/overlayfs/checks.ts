/** The doctor's checks of overlayfs: whether it is there, who is on it, and each way to attach, tried. */

import { containerRoots } from '../../containers/roots.ts';
import { lookAt } from '../../containers/runtime-folders.ts';
import { checkKernel } from '../../kernel/explain.ts';
import { openOnDetachedOverlay } from '../../native/index.ts';
import { type Finding, finding, ok } from '../../program/check.ts';
import { unmeasuredText } from '../../program/health.ts';
import { readOrNull } from '../../program/read-or-null.ts';
import { reasonOf } from '../../program/reason.ts';
import { type Attempt, attempt, type Checks, type Examination, refused } from '../checks.ts';
import { OBJECTS } from '../receiver.ts';
import { METHODS, type Method } from './probes.ts';
import { isOverlayfsRegistered, METHODS_OF } from './receiver.ts';
import type { OverlayfsSettings } from './settings.ts';
import { mustStart } from './start.ts';
import { isExact, type Trial, tryMethod } from './trial.ts';

const WAITS = 'overlayfs is not registered in the kernel yet';

/** The storage drivers of docker, podman and cri-o that mount overlayfs. */
const OVERLAY_DRIVERS = ['overlay', 'overlay2', 'overlayfs'];

/** What became of each way to attach. */
export interface Rungs {
  /** null: not tried, because overlayfs is not registered in the kernel. */
  readonly tried: ReadonlyMap<Method, Attempt<Trial | null>> | null;
  /** The reason why no trial is possible here, or null. */
  readonly noTrial: string | null;
}

export async function checks(examination: Examination<OverlayfsSettings>): Promise<Checks> {
  const rungs = await tryMethods();
  return {
    kernel: { overlay: () => overlay(rungs, examination) },
    containers: { overlay_mounts: overlayMounts, storage_drivers: () => storageDrivers(examination) },
    receiver: {
      ...Object.fromEntries(
        METHODS.map((method) => [`overlayfs.${method}`, () => overlayfsBy(method, rungs, examination)]),
      ),
      'overlayfs.operations': () => operations(examination),
    },
    capabilities: examination.isWanted ? ['CAP_SYS_ADMIN'] : [],
  };
}

async function tryMethods(): Promise<Rungs> {
  if (!isOverlayfsRegistered()) return { tried: null, noTrial: null };
  const tried = new Map<Method, Attempt<Trial | null>>();
  for (const method of METHODS) {
    const work = () => {
      checkKernel();
      return tryMethod({ objects: OBJECTS }, method);
    };
    tried.set(method, await attempt(work));
  }
  const isWithoutTrial = [...tried.values()].some((one) => 'value' in one && one.value === null);
  return { tried, noTrial: isWithoutTrial ? whyNoTrial() : null };
}

function whyNoTrial(): string {
  try {
    for (const reader of openOnDetachedOverlay(1, 1)) reader.close();
    return 'the trial was not reached';
  } catch (error) {
    return reasonOf(error);
  }
}

function overlay(
  { tried }: Rungs,
  { settings, isWanted, permissions, starts }: Examination<OverlayfsSettings>,
): Finding {
  if (tried === null) {
    if (!isWanted) return finding('unneeded', WAITS);
    if (mustStart(settings) && !starts) return finding('fail', WAITS, 'modprobe overlay');
    return finding('warn', `${WAITS}; Floatie waits for it`, 'modprobe overlay');
  }
  if (readOrNull('/sys/module/overlay/initstate') === null) return ok('overlayfs is built into the kernel');
  if (permissions.overlayHasBtf) return ok('overlayfs is a module, with BTF');
  return finding('unneeded', 'overlayfs is a module without BTF, as before Linux 5.11: fentry cannot find it');
}

/** Overlay mounts in this process's mount namespace, and in the host's where its processes are visible. */
function overlayMounts(): Finding {
  const lines = ['self', '1'].flatMap((pid) => (readOrNull(`/proc/${pid}/mountinfo`) ?? '').split('\n'));
  const devices = lines.filter((line) => / - overlay /.test(line)).map((line) => line.split(' ')[2]);
  const count = new Set(devices).size;
  return ok(count === 0 ? 'none that can be seen from here' : `${count} that can be seen from here`);
}

/** The root filesystems of running containers and of the configured storage drivers. */
function storageDrivers({ places, isWanted }: Examination<OverlayfsSettings>): Finding {
  const { seen, others, hidden, sandboxed } = containerRoots();
  const idle = places.flatMap((place) =>
    lookAt(place).flatMap(({ path, drivers }) => {
      const isElsewhere = drivers.length > 0 && !drivers.some((name) => OVERLAY_DRIVERS.includes(name));
      return isElsewhere ? [`${path} has the storage driver ${drivers.join(', ')}`] : [];
    }),
  );
  const running = [...others].map(([type, count]) => `${count} on ${type}`);
  const notLooked = hidden === 0 ? [] : [`${hidden} cannot be inspected without CAP_SYS_PTRACE`];
  if (seen + hidden + others.size + idle.length === 0) return ok('no container runs');
  const inside = Array.from(
    sandboxed,
    ([what, count]) => `${count} in ${what}, of which only what that does itself is seen`,
  );
  const told = [
    seen === 1 ? '1 running container is on overlayfs' : `${seen} running containers are on overlayfs`,
    ...inside,
    ...running,
    ...idle,
    ...notLooked,
  ].join('; ');
  if (running.length + idle.length === 0) {
    if (hidden > 0 && seen === 0) return finding('unknown', told);
    return inside.length > 0 && isWanted ? finding('warn', told) : ok(told);
  }
  return finding(
    isWanted ? 'warn' : 'unneeded',
    `${told}: the overlayfs receiver does not see their I/O on files of the image`,
    'use the storage driver overlay2 (docker) or overlay (podman, cri-o), the snapshotter overlayfs (containerd); without root: Linux 5.13 or later, and no mount_program = "fuse-overlayfs"',
  );
}

export function overlayfsBy(
  method: Method,
  { tried: all, noTrial }: Rungs,
  examination: Pick<Examination<OverlayfsSettings>, 'settings' | 'isWanted' | 'method' | 'starts'>,
): Finding {
  const tried = all?.get(method);
  if (tried === undefined)
    return finding('unknown', 'not tried: overlayfs is not registered in the kernel yet', 'modprobe overlay');
  if ('error' in tried) {
    const chosen = examination.isWanted ? METHODS_OF[examination.settings.attach] : [];
    const isAnotherThere = chosen.some((other) => 'value' in (all?.get(other) ?? {}));
    return refused(tried, chosen.includes(method), isAnotherThere, examination);
  }
  const use = examination.method === method ? 'used; ' : '';
  const { value: trial } = tried;
  if (trial === null) return ok(`${use}attached; whether it is exact could not be tried: ${noTrial}`);
  const counted = `counted ${trial.counted} of ${trial.done} reads in a trial`;
  if (isExact(trial)) return ok(`${use}${counted}`);
  const reason = `${use}${counted}, the kernel skipped ${trial.missed} runs of its programs`;
  return finding(use === '' ? 'unneeded' : 'warn', reason);
}

export function operations({ method, gaps }: Pick<Examination<OverlayfsSettings>, 'method' | 'gaps'>): Finding {
  if (method === null) return finding('unknown', 'nothing is attached');
  const { unmeasured = [], partly = [] } = gaps;
  const told = [
    ...(unmeasured.length > 0 ? [`not measured: ${unmeasuredText(unmeasured)}`] : []),
    ...(partly.length > 0 ? [`measured in part: ${unmeasuredText(partly)}`] : []),
  ];
  return ok(told.join('; '));
}
