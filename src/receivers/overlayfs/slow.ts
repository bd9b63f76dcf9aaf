/** Slow operations: makes records of the kernel's events. */
import { selfMetrics } from '../../metrics/catalogue.ts';
import { withoutRepetition } from '../../program/log.ts';
import { flatten } from '../../records/encode.ts';
import { type Choice, type Context, EVENTS_MS, NO_EVENTS_MS, type Running } from '../receiver.ts';
import type { Exemplars } from './exemplars.ts';
import { metrics } from './metrics.ts';
import type { OverlayfsSettings } from './settings.ts';
import type { SlowEvents } from './slow-events.ts';
import { describeSlow } from './slow-record.ts';
import { SLOW_OPERATION } from './slow-schema.ts';

/** The limit of cgroups that are known only by their slow operations. */
const MAX_NAMED = 1000;

type Slow = Required<Pick<Running<OverlayfsSettings>, 'observe' | 'choose' | 'settle'>>;

/** @param exemplars gets each record that is made */
export function startSlow(
  context: Context<OverlayfsSettings>,
  events: Pick<SlowEvents, 'ring' | 'take' | 'counts'>,
  exemplars: Pick<Exemplars, 'add' | 'clear'>,
): Slow {
  const { cgroups, records } = context;
  const log = withoutRepetition(context.log);
  let { settings, filter }: Pick<Choice<OverlayfsSettings>, 'settings' | 'filter'> = context;
  /** Cgroups that are known only by their slow operations, the oldest first. */
  const named: bigint[] = [];

  const poll = (): void => {
    const all = events.take();
    if (all.length === 0) return;
    const unknown = [...new Set(all.map(({ cgroupId }) => cgroupId))].filter((id) => !cgroups.knows(id));
    cgroups.learn(unknown);
    for (const event of all) {
      const owner = cgroups.identityAsTold(event.cgroupId);
      if (filter !== null && !filter(owner.cgroup)) continue;
      const record = describeSlow(event, owner, settings.slow_paths);
      log.warn(SLOW_OPERATION.title, flatten(record));
      records.add(record);
      exemplars.add(event, record);
    }
    named.push(...unknown);
    for (const id of named.splice(0, named.length - MAX_NAMED)) cgroups.forget(id);
  };

  if (events.ring !== null) {
    context.wakeBy(events.ring);
    context.every(EVENTS_MS, 'read slow operations', poll, NO_EVENTS_MS);
  }
  return {
    settle: poll,
    choose(choice) {
      if (choice.settings.slow_paths !== settings.slow_paths) exemplars.clear();
      ({ settings, filter } = choice);
    },
    observe(observe) {
      observe(metrics.slowLeftOut, (report) => report(events.counts().leftOut, {}));
      observe(selfMetrics.eventsLost, (report) => {
        const { lost, corrupted } = events.counts();
        report(lost + corrupted, { probe: 'overlayfs' });
      });
    },
  };
}
