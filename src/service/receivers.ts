/** Starts the receivers of the pipeline, and runs their jobs. */
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { kernelBoundsNs } from '../config/bounds.ts';
import { cgroupPatterns, pidNamespaceOf } from '../config/processors.ts';
import type { Config } from '../config/schema.ts';
import { Cgroups } from '../containers/cgroups.ts';
import { cgroupFilter } from '../containers/filter.ts';
import { cgroupIdOf, findHierarchy } from '../containers/hierarchy.ts';
import { identify } from '../containers/identity.ts';
import { RuntimeFiles } from '../containers/names.ts';
import { resolvePidNamespace } from '../containers/pid-namespace.ts';
import type { History } from '../history/history.ts';
import type { Observer } from '../metrics/observer.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import { type Gaps, type Health, unmeasuredText } from '../program/health.ts';
import { Jobs } from '../program/jobs.ts';
import type { Logger } from '../program/log.ts';
import { errorOf, reasonOf } from '../program/reason.ts';
import { FileBudget } from '../receivers/file-budget.ts';
import { type ReceiverName, type ReceiverSettings, receiverNamed } from '../receivers/index.ts';
import { Latencies } from '../receivers/latencies.ts';
import type { Choice, Context, Running } from '../receivers/receiver.ts';
import type { Records } from '../records/records.ts';
import { NO_WAKES, prepareWakes, type Wakes } from './wakes.ts';

/** How many files of containers are read in a second, unless somebody collects. */
const FILES_PER_S = 100;
const HISTORY_MS = 1000;

/** All receivers that run. */
export interface Receivers extends Each {
  /** Applies the settings of another configuration that need no restart. */
  reload(config: Config): void;
}

interface Each {
  /** Adds the metrics about the receivers themselves. */
  observe(observer: Observer): void;
  /** Before the last export: counts the events of the last moment. */
  settle(): void;
  /** Safe to call twice. */
  stop(): void;
}

interface Given {
  readonly config: Config;
  readonly registry: MetricRegistry;
  readonly records: Records;
  readonly history?: History | null;
  readonly health: Health;
  readonly log: Logger;
  /** Whether a thread of Node's pool waits for events, so that jobs rest meanwhile. */
  readonly keepsThread?: boolean;
}

interface One extends Each {
  choose(choice: CommonChoice, config: Config): void;
}

/** The part of a context that is the same for all receivers. */
type Common = Omit<Context<unknown>, 'settings' | 'boundsNs' | 'attached' | 'every' | 'wakeBy' | 'hurry'> & {
  readonly jobs: Jobs;
  readonly wakes: Wakes;
};
type CommonChoice = Omit<Choice<unknown>, 'settings'>;
type OwnersChoice = Pick<CommonChoice, 'identifyCgroup' | 'isTask'>;

/**
 * Starts the others when a receiver cannot start, and logs its error. Rejects with the error of the first receiver that
 * cannot start if that one must, or if no receiver with programs can.
 */
export async function startReceivers(given: Given): Promise<Receivers> {
  const { config, health, log } = given;
  const { receivers: names } = config.service.pipelines.metrics;
  if (names.length === 0) health.idle();
  health.starting(names);
  const context = contextOf(given);
  const wakes = given.keepsThread === true ? prepareWakes(context.jobs, log) : NO_WAKES;
  const common = { ...context, wakes };
  const running: { readonly receiver: One; readonly isProbe: boolean }[] = [];
  const failures: { readonly name: ReceiverName; readonly error: Error }[] = [];
  // At once: while one tries a way to attach, the others load their programs.
  const starts: Promise<PromiseSettledResult<One>[]>[] = [];
  for (const name of names) {
    // Scrapes are answered in between: loading programs holds the event loop.
    await setImmediate();
    starts.push(Promise.allSettled([startReceiver(name, config, common)]));
  }
  for (const [index, outcome] of (await Promise.all(starts)).flat().entries()) {
    const name = names[index] as ReceiverName;
    if (outcome.status === 'fulfilled') {
      // A receiver without programs only reads files: its start does not show that bpf() is allowed.
      running.push({ receiver: outcome.value, isProbe: receiverNamed(name).programs.length > 0 });
    } else {
      failures.push({ name, error: errorOf(outcome.reason) });
      health.failed(name, reasonOf(outcome.reason));
    }
  }
  health.started();
  const [first] = failures;
  if (first !== undefined && ((await mustStart(first.name, config)) || running.every(({ isProbe }) => !isProbe))) {
    for (const { receiver } of running) receiver.stop();
    wakes.stop();
    throw first.error;
  }
  for (const { name, error } of failures) log.error(`The receiver "${name}" does not run: ${error.message}`);
  const { history = null } = given;
  // A collection may hold the event loop, which the timers of jobs measure.
  given.registry.onReading(() => common.jobs.hurry());
  if (history !== null) common.jobs.every(HISTORY_MS, 'keep the history', () => history.endSecond());
  // Not before: a trial of a way to attach needs all threads of the pool.
  wakes.begin();
  const all = running.map(({ receiver }) => receiver);
  let { containers } = config;
  let owners: OwnersChoice = common;
  return {
    observe(observer) {
      for (const receiver of all) receiver.observe(observer);
    },
    reload(next) {
      // Names cost reading files, and those of containers that are gone cannot be read again.
      const { names, places } = next.containers;
      const isSame = isDeepStrictEqual({ names, places }, { names: containers.names, places: containers.places });
      if (!isSame) {
        owners = ownersOf(next);
        common.cgroups.identifyBy(owners.identifyCgroup);
      }
      containers = next.containers;
      const { identifyCgroup, isTask } = owners;
      for (const receiver of all) receiver.choose({ identifyCgroup, isTask, filter: filterOf(next) }, next);
    },
    settle() {
      for (const receiver of all) receiver.settle();
    },
    stop() {
      given.registry.close();
      for (const receiver of all) receiver.stop();
      wakes.stop();
    },
  };
}

async function startReceiver<N extends ReceiverName>(name: N, config: Config, common: Common): Promise<One> {
  const { health, log, jobs, wakes } = common;
  const { start } = await receiverNamed(name).load();
  const ends = new Set<() => void>();
  const endJobs = (): void => {
    for (const end of ends) end();
  };
  const context: Context<ReceiverSettings[N]> = {
    ...common,
    settings: config.receivers[name],
    boundsNs: kernelBoundsNs(config, name),
    attached(method, refusals, gaps = {}) {
      health.attached(name, method, refusals, gaps);
      const reasons = Object.fromEntries(refusals.map(({ method, reason }) => [`not_${method}`, reason]));
      const missing = Object.fromEntries(Object.entries(gaps).map(([gap, all]) => [gap, unmeasuredText(all)]));
      log.info(...attachedLine(name, method, refusals, gaps));
      if (refusals.length + Object.keys(gaps).length > 0) {
        log.debug(`Why the ${name} probe is attached so, as /readyz says`, { ...reasons, ...missing });
      }
    },
    hurry: () => jobs.hurry(),
    wakeBy(ring) {
      ends.add(wakes.add(ring));
    },
    every(ms, job, work, restMs) {
      const end = jobs.every(ms, job, work, restMs);
      ends.add(end);
      return () => {
        end();
        ends.delete(end);
      };
    },
  };
  let running: Running<ReceiverSettings[N]>;
  try {
    running = await start(context);
  } catch (error) {
    endJobs();
    throw error;
  }
  return {
    observe: (observer) => running.observe?.(observer),
    choose: (choice, { receivers }) => running.choose?.({ ...choice, settings: receivers[name] }),
    settle: () => running.settle?.(),
    stop() {
      endJobs();
      running.stop?.();
    },
  };
}

/** Short: level debug, /readyz and the doctor have the reasons. */
export function attachedLine(
  name: string,
  method: string,
  refusals: readonly { readonly method: string }[],
  gaps: Gaps,
): [message: string, fields: Record<string, string | number>] {
  const counts = Object.entries(gaps).map(([gap, all]) => [gap, all.flatMap(({ ops }) => ops).length]);
  const not = refusals.map(({ method }) => method).join(', ');
  return [`The ${name} probe is attached by ${method}`, { ...(not && { not }), ...Object.fromEntries(counts) }];
}

async function mustStart<N extends ReceiverName>(name: N, config: Config): Promise<boolean> {
  const { mustStart } = await receiverNamed(name).load();
  return mustStart?.(config.receivers[name]) ?? false;
}

function contextOf({ config, registry, records, history = null, health, log }: Given): Omit<Common, 'wakes'> {
  const hierarchy = findHierarchy();
  if (hierarchy.mount === null) {
    log.warn('The cgroup hierarchy is not visible, so every cgroup is called "unknown", but for those of OOM kills', {
      cure: 'mount it: -v /sys/fs/cgroup:/sys/fs/cgroup:ro',
    });
  }
  const { kernel } = config;
  const owners = ownersOf(config);
  return {
    ...{
      ...owners,
      filter: filterOf(config),
      kernel,
      registry,
      records,
      history,
      health,
      log,
      hierarchy,
      jobs: new Jobs(health),
    },
    cgroups: new Cgroups(hierarchy.mount, owners.identifyCgroup),
    pidNsInum: resolvePidNamespace(pidNamespaceOf(config), log),
    cgroupId: kernel.cgroup === '' ? 0n : cgroupIdOf(hierarchy, kernel.cgroup),
    latencies: new Latencies(),
    files: new FileBudget(FILES_PER_S),
  };
}

function ownersOf({ containers: { names, places }, inherited }: Config): OwnersChoice {
  const files = new RuntimeFiles(places, inherited.storageConf);
  const { isTask } = files;
  if (names === false) return { isTask, identifyCgroup: (path) => identify(path, isTask) };
  return { isTask, identifyCgroup: (path) => files.identify(path, { withImage: names === true }) };
}

function filterOf(config: Config): CommonChoice['filter'] {
  const patterns = cgroupPatterns(config);
  return patterns.length === 0 ? null : cgroupFilter(...patterns);
}
