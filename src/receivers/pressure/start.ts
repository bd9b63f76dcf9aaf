/** Starts the pressure receiver, with what must be done for it from time to time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findV1Mount, findV2Mount } from '../../containers/hierarchy.ts';
import { type Container, Inventory, type Room } from '../../containers/inventory.ts';
import type { Observer } from '../../metrics/observer.ts';
import { withoutRepetition } from '../../program/log.ts';
import type { Choice, Context, Running } from '../receiver.ts';
import { metrics } from './metrics.ts';
import { Sampler } from './sampler.ts';
import type { PressureSettings } from './settings.ts';
import { PressureSource } from './source.ts';

/** How often new containers are searched, in ms. */
const DISCOVER_MS = 1000;
/** How long the start may search containers, in ms; further ones are found later. */
const START_MS = 200;

export function start(context: Context<PressureSettings>): Running<PressureSettings> {
  const { registry, health, hierarchy, cgroups, identifyCgroup, isTask, filter, settings } = context;
  // Without this, pressure that is readable now and then would be logged at every scrape.
  const log = withoutRepetition(context.log);
  const v2Mount = findV2Mount();
  const room = roomOf(context);
  const inventoryOf = (mount: string | null): Inventory | null => {
    if (mount === null) return null;
    // Containers that are found here keep their names for kills that are reported after their removal.
    const onFound = mount === hierarchy.mount ? (container: Container) => cgroups.meet(container) : undefined;
    return new Inventory(mount, { identify: identifyCgroup, isTask, room, ...(onFound && { onFound }) });
  };
  const memory = inventoryOf(hierarchy.mount);
  const pressure = v2Mount === hierarchy.mount ? memory : inventoryOf(v2Mount);
  const source = new PressureSource({
    path: '/proc/pressure/memory',
    pressure,
    memory:
      memory === null
        ? null
        : {
            inventory: memory,
            version: hierarchy.version,
            cpuMount: findV1Mount('cpu'),
            cpuacctMount: findV1Mount('cpuacct'),
            // To look for a file that is not there costs more than to read one that is.
            countsSwap: existsSync(join(memory.mount, 'memory.memsw.failcnt')),
          },
    window: settings.window,
    filter,
    onContainerProblem: (problem) => log.info(`Containers have no memory pressure score: ${problem.message}`),
    onHostState: (problem) => {
      if (problem === null) health.attached('pressure', 'file');
      else health.failed('pressure', problem.message);
      if (problem === null) log.info('The memory pressure of the host can be read again');
      else log.warn(`There is no memory pressure score of the host: ${problem.message}`);
    },
  });
  health.attached('pressure', 'file');
  source.discover(START_MS);
  // Tells at once whether there is pressure.
  for (const _ of source.read()) break;
  registry.addSource(source);
  const sampler = context.history && new Sampler(source, context.history, context.files);
  context.every(DISCOVER_MS, 'discover containers', () => {
    source.discover();
    registry.end(source.retire());
    sampler?.sample();
  });
  return {
    observe: (observer) => observePressure(observer, source),
    choose(choice) {
      const { filter, identifyCgroup, isTask, settings } = choice;
      const room = roomOf(choice);
      for (const inventory of new Set([pressure, memory])) inventory?.identifyBy(identifyCgroup, isTask, room);
      registry.end(source.choose(filter, settings.window));
    },
    stop: () => source.close(),
  };
}

function roomOf({ filter, settings }: Choice<PressureSettings>): Room {
  return { max: settings.max_containers, isWanted: filter ?? (() => true) };
}

/** Why pressure is unavailable, and the number of containers without room. */
function observePressure(observe: Observer, source: PressureSource): void {
  observe(metrics.unavailable, (report) => {
    if (source.problem !== null) report(1, { reason: source.problem });
  });
  observe(metrics.leftOut, (report) => report(source.leftOut));
}
