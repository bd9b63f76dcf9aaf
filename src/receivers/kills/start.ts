/** Starts the kills receiver, with what must be done for it from time to time. */
import { mountIdOf } from '../../containers/hierarchy.ts';
import { placeOf } from '../../containers/place.ts';
import { selfMetrics } from '../../metrics/catalogue.ts';
import { monotonicMs } from '../../program/clock.ts';
import { flatten } from '../../records/encode.ts';
import { type Context, EVENTS_MS, NO_EVENTS_MS, OBJECTS, type Running } from '../receiver.ts';
import { KillsReceiver } from './receiver.ts';
import { describeStorm } from './record.ts';
import { KILL } from './record-schema.ts';
import type { KillsSettings } from './settings.ts';
import { KillsSource } from './source.ts';
import type { Storm } from './storms.ts';

/** How often expired series are removed, in ms. */
const RETIRE_MS = 10_000;

export function start(context: Context<KillsSettings>): Running<KillsSettings> {
  const { settings, registry, log, hierarchy, cgroups, pidNsInum, cgroupId, records } = context;
  const receiver = KillsReceiver.start({
    pidNsInum,
    cgroupId,
    cgroupVersion: hierarchy.version,
    mountId: mountIdOf(hierarchy),
    onCgroup: (id, place) => cgroups.tell(id, place),
    ringBytes: settings.ring_bytes,
    objects: OBJECTS,
  });
  const source = new KillsSource(receiver, cgroups, {
    maxSeries: settings.max_series,
    retainMs: settings.retain_ms,
    onStorm(storm) {
      const record = describeStorm(storm);
      // The oom receiver logs and exports a record that says more.
      if (storm.kills[0].killer === 'kernel_oom' && context.health.isAttached('oom')) return records.list(record);
      log[isUsual(storm) ? 'info' : 'warn'](KILL.title, flatten(record));
      records.add(record);
    },
  });
  registry.addSource(source);
  context.attached('tracepoint', []);
  context.wakeBy(receiver.ring);
  context.every(EVENTS_MS, 'read kills', () => source.poll(), NO_EVENTS_MS);
  context.every(RETIRE_MS, 'end old series of kills', () => registry.end(source.retire()));
  const probe = 'kills';
  return {
    observe(observe) {
      observe(selfMetrics.seriesOverflow, (report) => report(source.folded, { probe }));
      observe(selfMetrics.eventsLost, (report) => {
        const { lost, cut, corrupted } = receiver.counts();
        report(lost + cut + corrupted, { probe });
      });
      observe(selfMetrics.probeMisses, (report) => report(receiver.missed(), { probe, reason: 'skipped_kill' }));
    },
    choose: ({ settings }) => source.keep(settings.max_series, settings.retain_ms),
    settle: () => source.poll(monotonicMs(), true),
    stop: () => receiver.stop(),
  };
}

/** Processes that end with their container or parent, or that one of their own container kills, are no surprise. */
function isUsual({ kills: [{ killer, victim, sender }] }: Storm): boolean {
  if (killer === 'pid_namespace_end' || killer === 'parent_death') return true;
  return killer === 'process' && placeOf(victim).place === placeOf(sender).place;
}
