/** Starts the OOM receiver, with what must be done for it from time to time. */
import { mountIdOf } from '../../containers/hierarchy.ts';
import { countedAlone } from '../../history/feed.ts';
import type { Past } from '../../history/usages.ts';
import { joinRaw } from '../../kernel/raw-path.ts';
import { selfMetrics } from '../../metrics/catalogue.ts';
import type { Observer } from '../../metrics/observer.ts';
import { monotonicMs, monotonicNs } from '../../program/clock.ts';
import { flatten } from '../../records/encode.ts';
import { type Context, EVENTS_MS, NO_EVENTS_MS, OBJECTS, type Running } from '../receiver.ts';
import type { OomTask } from './events.ts';
import type { OomLimit } from './kills.ts';
import { metrics } from './metrics.ts';
import { describeMoment } from './moment.ts';
import { Owners } from './owners.ts';
import { describePastKills } from './past.ts';
import { OomReceiver } from './receiver.ts';
import { OomReconciliation } from './reconciliation.ts';
import { OOM_KILL, type OomMoment } from './record-schema.ts';
import type { OomSettings } from './settings.ts';
import { OomSource } from './source.ts';

/** How often expired series are removed, in ms. */
const RETIRE_MS = 10_000;

export function start(context: Context<OomSettings>): Running<OomSettings> {
  const { kernel, settings, registry, log, hierarchy, cgroups, pidNsInum, cgroupId, records } = context;
  const receiver = OomReceiver.start({
    pidNsInum,
    cgroupId,
    cgroupVersion: hierarchy.version,
    mountId: mountIdOf(hierarchy),
    onCgroup: (id, place) => cgroups.tell(id, place),
    ringBytes: settings.ring_bytes,
    objects: OBJECTS,
  });
  // The kernel also counts kills that the filter leaves out.
  const isWhole = pidNsInum === 0;
  const seen = (): number => receiver.counts().all;
  const reconciliation = new OomReconciliation({ hierarchy, cgroups, seen, isWhole });
  const cgroupIdOf = (task: OomTask): bigint => (hierarchy.version === 1 ? task.memoryCgroupId : task.defaultCgroupId);
  const owners = new Owners(hierarchy.version, context.identifyCgroup, context.files);
  const source = new OomSource(receiver, cgroups, {
    maxSeries: settings.max_series,
    retainMs: settings.retain_ms,
    cgroupIdOf,
    onVictim: (id) => reconciliation.saw(id),
    momentOf: (victim) => momentOf(cgroupIdOf(victim), context),
    ownerOf: (holder) => owners.of(holder),
    pastOf: (limit, timeNs) => pastOf(limit, timeNs, context),
    onKill(record) {
      log.warn(OOM_KILL.title, flatten(record));
      records.add(record);
    },
  });
  const { method, refusals, kmsgProblem } = receiver;
  if (kmsgProblem !== null) log.debug(`/oom has no kills of before the start: ${kmsgProblem}`);
  // The kernel's report lacks the PID namespace, but has the cgroup.
  else if (pidNsInum === 0 || kernel.cgroup !== '') {
    const { identifyCgroup: identityOf } = context;
    records.remember(describePastKills(receiver.takePast(), { identityOf, cgroup: kernel.cgroup }));
  }
  if (method === 'tracepoint' && kmsgProblem !== null) {
    log.warn(`The scope of OOM kills will be "unknown": ${kmsgProblem}`, {
      cure: 'allow /dev/kmsg: --device /dev/kmsg --cap-add SYSLOG',
    });
  }
  registry.addSource(source);
  context.history?.follow({ metrics: source.metrics, read: () => source.read().map(countedAlone) });
  context.attached(method, refusals);
  context.wakeBy(receiver.ring);
  context.every(EVENTS_MS, 'read OOM kills', () => source.poll(), NO_EVENTS_MS);
  context.every(RETIRE_MS, 'end old OOM series', () => registry.end(source.retire()));
  return {
    observe: (observer) => observeOom(observer, receiver, source, reconciliation),
    choose: ({ settings }) => source.keep(settings.max_series, settings.retain_ms),
    settle: () => source.poll(monotonicMs(), true),
    stop: () => receiver.stop(),
  };
}

/** The limit's cgroup is known by its id, or by the path of the kernel's log. */
function pastOf({ cgroup }: OomLimit, timeNs: number, { history, cgroups }: Context<OomSettings>): Past | undefined {
  if (cgroup === undefined || history === null) return undefined;
  const [path, id] = typeof cgroup === 'string' ? [cgroup] : [cgroups.identityAsTold(cgroup).cgroup, cgroup];
  const agoMs = Math.max(monotonicNs() - timeNs, 0) / 1e6;
  return history.usages.before(path, monotonicMs() - agoMs, id);
}

function momentOf(victimId: bigint, { hierarchy, cgroups, latencies }: Context<OomSettings>): OomMoment {
  // Only v2 has pressure by cgroup.
  const place = hierarchy.version === 2 ? cgroups.place(victimId) : null;
  const folder = place === null || hierarchy.mount === null ? null : joinRaw(hierarchy.mount, place.raw);
  const pressure = folder === null ? null : joinRaw(folder, 'memory.pressure');
  return describeMoment(pressure, latencies.p99Us(victimId));
}

/** What the probe lost the details of, could not see, or did not see. */
function observeOom(
  observe: Observer,
  receiver: OomReceiver,
  source: OomSource,
  reconciliation: OomReconciliation,
): void {
  const probe = 'oom';
  observe(selfMetrics.seriesOverflow, (report) => report(source.folded, { probe }));
  observe(metrics.reconcileDifference, (report) => {
    for (const [source, difference] of Object.entries(reconciliation.differences())) report(difference, { source });
  });
  observe(selfMetrics.eventsLost, (report) => {
    const { lost, cut, corrupted } = receiver.counts();
    report(lost + cut + corrupted, { probe });
  });
  observe(selfMetrics.probeMisses, (report) => {
    for (const [reason, count] of Object.entries(receiver.misses())) report(count, { probe, reason });
  });
}
