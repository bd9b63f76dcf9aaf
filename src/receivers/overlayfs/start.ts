/** Starts the overlayfs receiver, with what must be done for it from time to time. */
import { selfMetrics } from '../../metrics/catalogue.ts';
import type { Observer } from '../../metrics/observer.ts';
import { monotonicMs } from '../../program/clock.ts';
import { Pace } from '../../program/pace.ts';
import { reasonOf } from '../../program/reason.ts';
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

/** How often new cgroups are named, in ms: soon, since they may be removed again. */
const LEARN_MS = 100;
/** How often names that could not be found are searched again, in ms. */
const RENAME_MS = 5000;
/** How often map entries are taken back while free ones are short, in ms. */
const RECLAIM_MS = 500;
/** How long that goes on after a cgroup got an entry, or found none, in ms. It asks for each cgroup whether it exists. */
const CROWDED_MS = 5000;
/** How often map entries are taken back otherwise, in ms. */
const CALM_MS = 30_000;
/** How often the appearance of overlayfs is looked for, in ms. */
const SUPERVISE_MS = 1000;
/** How often the way to attach is checked for misses, in ms: it takes a system call for each of its programs. */
const MISSES_MS = 5000;
/** How often series that are too old are looked for at least, in ms. */
const RETIRE_MS = 10_000;

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
  const slow = startSlow(context, receiver.slow);
  const recent = new RecentLatency(() => receiver.entries(), boundsNs);
  latencies.add((cgroup) => recent.p99Us(cgroup, monotonicMs()));
  registry.addSource(source, {
    gridNs: boundsNs,
    get defaultBounds() {
      return settings.bounds_us;
    },
  });
  context.history?.follow({ metrics: source.metrics, gridNs: boundsNs, read: () => source.peek() });
  // While no cgroup gets an entry, only what could not be named before is left to do.
  const naming = new Pace(0, RENAME_MS);
  context.every(LEARN_MS, 'name new cgroups', () => {
    if (naming.isDue(receiver.changes(), monotonicMs()) || cgroups.isSearching) source.learn();
  });
  const reclaiming = new Pace(CROWDED_MS, CALM_MS);
  context.every(RECLAIM_MS, 'take entries back', () => {
    // Whoever finds no free entry counts in the overflow.
    const short = receiver.isFull ? receiver.overflowed() : 0;
    if (!reclaiming.isDue(receiver.usedEntries() + short, monotonicMs())) return;
    registry.end(source.reclaim((ms) => registry.isReadSince(ms)));
  });
  const looking = new Pace(0, MISSES_MS);
  context.every(SUPERVISE_MS, 'look after the overlayfs probe', async () => {
    if (receiver.method === null || looking.isDue(0, monotonicMs())) await receiver.supervise();
  });
  context.every(KEEP_MS, 'keep the latest latencies', () => recent.keepInSteps(monotonicMs()));
  const retire = () =>
    context.every(Math.min(RETIRE_MS, settings.expire_ms / 5), 'end old overlayfs series', () =>
      registry.end(source.retire()),
    );
  let endRetiring = retire();
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
      receiver.expireAfter(settings.expire_ms);
      endRetiring();
      endRetiring = retire();
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
