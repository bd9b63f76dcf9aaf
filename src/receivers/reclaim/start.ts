/** Starts the reclaim receiver, with what must be done for it from time to time. */
import { selfMetrics } from '../../metrics/catalogue.ts';
import { runCgroupJobs } from '../cgroup-jobs.ts';
import { type Context, OBJECTS, type Running } from '../receiver.ts';
import { ReclaimCounts } from './counts.ts';
import type { ReclaimSettings } from './settings.ts';
import { ReclaimSource } from './source.ts';

const JOBS = {
  learn: 'name cgroups that reclaim memory',
  reclaim: 'take entries of reclaims back',
  retire: 'end old series of reclaims',
};

export function start(context: Context<ReclaimSettings>): Running<ReclaimSettings> {
  const { kernel, boundsNs, registry, hierarchy, cgroups, filter, pidNsInum, cgroupId } = context;
  let { settings } = context;
  const counts = ReclaimCounts.start({
    boundsNs,
    pidNsInum,
    cgroupId,
    maxMapEntries: kernel.max_map_entries,
    cgroupVersion: hierarchy.version,
    expireMs: settings.expire_ms,
    objects: OBJECTS,
  });
  const source = new ReclaimSource(counts, cgroups, filter);
  registry.addSource(source, {
    gridNs: boundsNs,
    get defaultBounds() {
      return settings.bounds_us;
    },
  });
  context.attached('tracepoint', []);
  const expireAfter = runCgroupJobs(context, counts, source, JOBS, settings.expire_ms);
  const probe = 'reclaim';
  return {
    observe(observe) {
      observe(selfMetrics.probeMisses, (report) => {
        for (const [reason, count] of Object.entries(counts.misses())) report(count, { probe, reason });
      });
      observe(selfMetrics.seriesOverflow, (report) => report(counts.overflowed(), { probe }));
      observe(selfMetrics.mapEntries, (report) => report(counts.usedEntries(), { probe }));
    },
    choose(choice) {
      settings = choice.settings;
      registry.end(source.choose(choice.filter));
      expireAfter(settings.expire_ms);
    },
    settle: () => source.settle(),
    stop: () => counts.close(),
  };
}
