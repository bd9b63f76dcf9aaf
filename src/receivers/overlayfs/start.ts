/** Starts the overlayfs receiver, with what must be done for it from time to time. */
import { selfMetrics } from '../../metrics/catalogue.ts';
import type { Observer } from '../../metrics/observer.ts';
import { monotonicMs } from '../../program/clock.ts';
import { Pace } from '../../program/pace.ts';
import { reasonOf } from '../../program/reason.ts';
import { runCgroupJobs } from '../cgroup-jobs.ts';
import { type Context, OBJECTS, type Running } from '../receiver.ts';
import { CAUSES } from './causes.ts';
import { chosenOps } from './chosen.ts';
import { gapsOf, measuredIn } from './measured.ts';
import { metrics } from './metrics.ts';
import type { Op } from './operations.ts';
import { type AttachState, DETACHED, OverlayfsReceiver } from './receiver.ts';
import { KEEP_MS, RecentLatency } from './recent-latency.ts';
import type { OverlayfsSettings } from './settings.ts';
import { startSlow } from './slow.ts';
import { OverlayfsSource } from './source.ts';

/** How often the appearance of overlayfs is looked for, in ms. */
const SUPERVISE_MS = 1000;
/** How often the way to attach is checked for misses, in ms: it takes a system call for each of its programs. */
const MISSES_MS = 5000;
const JOBS = { learn: 'name new cgroups', reclaim: 'take entries back', retire: 'end old overlayfs series' };

/** Only `auto` may be left out: whoever names a way wants to hear that it does not work. */
export function mustStart({ attach }: OverlayfsSettings): boolean {
  return attach !== 'auto';
}

export async function start(context: Context<OverlayfsSettings>): Promise<Running<OverlayfsSettings>> {
  const { kernel, boundsNs, registry, hierarchy, cgroups, filter, pidNsInum, cgroupId, latencies } = context;
  let { settings } = context;
  const chosen = chosenOps(settings.operations);
  let state = DETACHED;
  const receiver = await OverlayfsReceiver.start({
    boundsNs,
    pidNsInum,
    cgroupId,
    maxMapEntries: kernel.max_map_entries,
    maxThreads: kernel.max_threads,
    cgroupVersion: hierarchy.version,
    expireMs: settings.expire_ms,
    attach: settings.attach,
    operations: chosen,
    sleeps: settings.causes === 'on',
    objects: OBJECTS,
    slowNs: settings.slow_ms * 1e6,
    onChange(now) {
      state = now;
      tellAttachment(now, chosen, context);
    },
  });
  const source = new OverlayfsSource(receiver, cgroups, filter, chosen);
  const slow = startSlow(context, receiver.slow, source.exemplars);
  const recent = new RecentLatency(() => receiver.entries(), boundsNs);
  latencies.add((cgroup) => recent.p99Us(cgroup, monotonicMs()));
  registry.addSource(source, {
    gridNs: boundsNs,
    get defaultBounds() {
      return settings.bounds_us;
    },
  });
  context.history?.follow({ metrics: source.metrics, gridNs: boundsNs, read: () => source.peek() });
  const expireAfter = runCgroupJobs(context, receiver, source, JOBS, settings.expire_ms);
  const looking = new Pace(0, MISSES_MS);
  context.every(SUPERVISE_MS, 'look after the overlayfs probe', async () => {
    if (receiver.method === null || looking.isDue(0, monotonicMs())) await receiver.supervise();
  });
  context.every(KEEP_MS, 'keep the latest latencies', () => recent.keepInSteps(monotonicMs()));
  return {
    observe(observer) {
      observeOverlayfs(observer, receiver);
      slow.observe?.(observer);
      observer(metrics.measured, (report) => {
        for (const { op, isMeasured } of measuredIn(state, chosen))
          report(isMeasured ? 1 : 0, { op, method: state.method ?? 'none' });
      });
      observer(metrics.causeMeasured, (report) => {
        for (const cause of CAUSES) report(state.causes.includes(cause) ? 1 : 0, { cause });
      });
    },
    choose(choice) {
      settings = choice.settings;
      slow.choose?.(choice);
      registry.end(source.choose(choice.filter));
      expireAfter(settings.expire_ms);
    },
    settle() {
      slow.settle?.();
      source.settle();
    },
    stop: () => receiver.stop(),
  };
}

function tellAttachment(
  { method, failure, refusals, unmeasured }: AttachState,
  chosen: readonly Op[],
  { health, log, attached }: Context<OverlayfsSettings>,
): void {
  if (method !== null) {
    attached(method, refusals, gapsOf({ method, unmeasured }, chosen));
    return;
  }
  if (failure !== null) {
    health.failed('overlayfs', reasonOf(failure), refusals);
    return;
  }
  const waiting = 'overlayfs is not registered in the kernel yet; waiting for its module (modprobe overlay)';
  const { probes } = health.readiness();
  if (probes.some(({ probe, reason }) => probe === 'overlayfs' && reason === waiting)) return;
  health.failed('overlayfs', waiting);
  log.warn(`The overlayfs probe waits: ${waiting}`);
}

/** What the probe could not measure, or not apart. */
export function observeOverlayfs(
  observe: Observer,
  receiver: Pick<OverlayfsReceiver, 'misses' | 'overflowed' | 'usedEntries' | 'threads'>,
): void {
  const probe = 'overlayfs';
  observe(selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe, reason });
  });
  observe(selfMetrics.seriesOverflow, (report) => report(receiver.overflowed(), { probe }));
  observe(selfMetrics.mapEntries, (report) => report(receiver.usedEntries(), { probe }));
  observe(selfMetrics.threadsTracked, (report) => {
    const threads = receiver.threads();
    if (threads !== null) report(threads, { probe });
  });
}
