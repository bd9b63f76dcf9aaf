/** Starts the receivers, each as a source of metrics with what must be done for it from time to time. */
import { isDeepStrictEqual } from 'node:util';
import { kernelBoundsNs } from '../config/bounds.ts';
import { cgroupPatterns, pidNamespaceOf } from '../config/processors.ts';
import type { Config } from '../config/schema.ts';
import { Cgroups } from '../containers/cgroups.ts';
import { type CgroupFilter, cgroupFilter } from '../containers/filter.ts';
import { cgroupIdOf, findHierarchy, findV2Mount, type Hierarchy, mountIdOf } from '../containers/hierarchy.ts';
import { type Identity, type IsTask, identify } from '../containers/identity.ts';
import { type Container, Inventory, type Room } from '../containers/inventory.ts';
import { RuntimeFiles } from '../containers/names.ts';
import { resolvePidNamespace } from '../containers/pid-namespace.ts';
import { joinRaw } from '../kernel/raw-path.ts';
import type { MetricRegistry } from '../metrics/registry.ts';
import { monotonicMs } from '../program/clock.ts';
import type { Health, ProbeState } from '../program/health.ts';
import { every } from '../program/jobs.ts';
import { type Logger, withoutRepetition } from '../program/log.ts';
import { errorOf, reasonOf } from '../program/reason.ts';
import type { ReceiverName } from '../receivers/index.ts';
import type { OomTask } from '../receivers/oom/events.ts';
import { describeMoment } from '../receivers/oom/moment.ts';
import { describePastKills } from '../receivers/oom/past.ts';
import { OomReceiver } from '../receivers/oom/receiver.ts';
import { OomReconciliation } from '../receivers/oom/reconciliation.ts';
import { OOM_KILL, type OomMoment } from '../receivers/oom/record-schema.ts';
import { OomSource } from '../receivers/oom/source.ts';
import { type AttachState, OverlayfsReceiver } from '../receivers/overlayfs/receiver.ts';
import { KEEP_MS, RecentLatency } from '../receivers/overlayfs/recent-latency.ts';
import { OverlayfsSource } from '../receivers/overlayfs/source.ts';
import { PressureSource } from '../receivers/pressure/source.ts';
import { flatten } from '../records/encode.ts';
import type { Records } from '../records/records.ts';
import { type Observer, observeOom, observeOverlayfs, observePressure } from './self-metrics.ts';

/** A receiver that runs. */
interface Running {
  /** Tells of the receiver itself. */
  observe(observer: Observer): void;
  /** Other cgroups get series from now on, or get other names. */
  choose?(choice: Choice): void;
  /** Before the last export: counts what has only just happened. */
  settle?(): void;
  /** Safe to call twice. */
  stop(): void;
}

/** All of them. */
export interface Receivers extends Omit<Required<Running>, 'choose'> {
  /** Which containers have series, and what they are called, as another configuration says. */
  reload(config: Config): void;
}

/** What can change without a restart. */
interface Choice {
  /** Which cgroups get series; null: all. */
  readonly filter: CgroupFilter | null;
  /** Says whose a cgroup is, by name where that is configured. */
  readonly identifyCgroup: (path: string | null) => Identity;
  readonly isTask: IsTask;
  readonly settings: Config['receivers'];
}

function choiceOf(config: Config): Choice {
  const { names, places } = config.containers;
  const files = new RuntimeFiles(places);
  const patterns = cgroupPatterns(config);
  return {
    filter: patterns.length === 0 ? null : cgroupFilter(...patterns),
    identifyCgroup: (path) => (names ? files.identify(path) : identify(path, files.isTask)),
    isTask: files.isTask,
    settings: config.receivers,
  };
}

interface Context extends Choice {
  readonly config: Config;
  readonly kernel: MetricRegistry;
  readonly health: Health;
  readonly log: Logger;
  readonly hierarchy: Hierarchy;
  /** Of the hierarchy that names containers here. */
  readonly cgroups: Cgroups;
  readonly pidNsInum: number;
  /** Of the cgroup to measure, 0 for all. */
  readonly cgroupId: bigint;
  /** Of overlayfs, while that receiver runs: the records of OOM kills tell it. */
  readonly latency: { recent?: RecentLatency };
  /** Where single events are told. */
  readonly records: Records;
}

/** The compiled programs of this architecture, among the files that come with Floatie. */
export const OBJECTS = `dist/bpf/${process.arch}`;

/** How often cgroups that appeared are given their names, in ms: soon, before they are gone again. */
const LEARN_MS = 100;
/** How often entries are taken back while free ones are short, in ms. */
const RECLAIM_MS = 500;
/** How often the way of attaching is looked after: whether it missed anything, or can begin. */
const SUPERVISE_MS = 1000;
/** How soon a kill is in the log, in ms. Looking costs a few reads of mapped memory. */
const OOM_POLL_MS = 100;
/** How often series that are too old are looked for, in ms. */
const RETIRE_MS = 10_000;
/** How often containers are looked for, in ms. */
const DISCOVER_MS = 1000;
/** For how long the start may look for containers, in ms; those that are not found by then follow. */
const START_MS = 200;

/**
 * Starts the receivers of the pipeline. One that cannot start is logged, and the others run. When none of those that
 * need the kernel's permission can, or not in the one way it is told to, the error is thrown.
 */
export async function startReceivers(
  given: Pick<Context, 'config' | 'kernel' | 'records' | 'health' | 'log'>,
): Promise<Receivers> {
  const { config, health, log } = given;
  if (config.service.pipelines.metrics.receivers.length === 0) health.idle();
  const hierarchy = findHierarchy();
  if (hierarchy.mount === null) {
    log.warn('The cgroup hierarchy is not visible, so every cgroup is called "unknown", but for those of OOM kills', {
      cure: 'mount it: -v /sys/fs/cgroup:/sys/fs/cgroup:ro',
    });
  }
  const { cgroup } = config.kernel;
  const choice = choiceOf(config);
  const cgroups = new Cgroups(hierarchy.mount, choice.identifyCgroup);
  const context: Context = {
    ...given,
    ...choice,
    hierarchy,
    cgroups,
    pidNsInum: resolvePidNamespace(pidNamespaceOf(config), log),
    cgroupId: cgroup === '' ? 0n : cgroupIdOf(hierarchy, cgroup),
    latency: {},
  };
  const running: { readonly receiver: Running; readonly isProbe: boolean }[] = [];
  const failures: { readonly name: ReceiverName; readonly error: Error }[] = [];
  for (const name of config.service.pipelines.metrics.receivers) {
    try {
      running.push({ receiver: await starters[name](context), isProbe: name !== 'pressure' });
    } catch (error) {
      failures.push({ name, error: errorOf(error) });
      health.failed(name, reasonOf(error));
    }
  }
  const [first] = failures;
  // Pressure is only read; it says nothing about what this process may do in the kernel.
  const isForced = first?.name === 'overlayfs' && config.receivers.overlayfs.attach !== 'auto';
  if (first !== undefined && (isForced || running.every(({ isProbe }) => !isProbe))) {
    for (const { receiver } of running) receiver.stop();
    throw first.error;
  }
  for (const { name, error } of failures) log.error(`The receiver "${name}" does not run: ${error.message}`);
  const all: readonly Running[] = running.map(({ receiver }) => receiver);
  let { containers } = config;
  return {
    observe(observer) {
      for (const receiver of all) receiver.observe(observer);
    },
    reload(next) {
      const choice = choiceOf(next);
      // Names cost reading files, and those of containers that are gone cannot be read again.
      const { names, places } = next.containers;
      const isSame = isDeepStrictEqual({ names, places }, { names: containers.names, places: containers.places });
      if (!isSame) cgroups.identifyBy(choice.identifyCgroup);
      containers = next.containers;
      for (const receiver of all) receiver.choose?.(choice);
    },
    settle() {
      for (const receiver of all) receiver.settle?.();
    },
    stop() {
      for (const receiver of all) receiver.stop();
    },
  };
}

const starters: Record<ReceiverName, (context: Context) => Running | Promise<Running>> = {
  overlayfs: startOverlayfs,
  oom: startOom,
  pressure: startPressure,
};

async function startOverlayfs(context: Context): Promise<Running> {
  const { config, kernel, health, log, hierarchy, cgroups, filter, pidNsInum, cgroupId, latency } = context;
  const { bounds_us: defaultBounds, expire_ms: expireMs } = config.receivers.overlayfs;
  const gridNs = kernelBoundsNs(config);
  const receiver = await OverlayfsReceiver.start({
    boundsNs: gridNs,
    pidNsInum,
    cgroupId,
    maxMapEntries: config.kernel.max_map_entries,
    maxThreads: config.kernel.max_threads,
    cgroupVersion: hierarchy.version,
    expireMs,
    attach: config.receivers.overlayfs.attach,
    objects: OBJECTS,
    onChange: (state) => tellAttachment(state, health, log),
  });
  const source = new OverlayfsSource(receiver, cgroups, filter);
  const recent = new RecentLatency(() => receiver.read(), gridNs);
  latency.recent = recent;
  kernel.addSource(source, { gridNs, defaultBounds });
  const timers = [
    every(LEARN_MS, 'name new cgroups', () => source.learn(), health),
    every(RECLAIM_MS, 'take entries back', () => kernel.end(source.reclaim((ms) => kernel.isReadSince(ms))), health),
    every(SUPERVISE_MS, 'look after the overlayfs probe', () => receiver.supervise(), health),
    every(KEEP_MS, 'keep the latest latencies', () => recent.keep(monotonicMs()), health),
  ];
  const retire = (expireMs: number): NodeJS.Timeout =>
    every(Math.min(RETIRE_MS, expireMs / 5), 'end old overlayfs series', () => kernel.end(source.retire()), health);
  let retiring = retire(expireMs);
  return {
    observe: (observer) => observeOverlayfs(observer, receiver),
    choose({ filter, settings }) {
      kernel.end(source.choose(filter));
      receiver.expireAfter(settings.overlayfs.expire_ms);
      clearInterval(retiring);
      retiring = retire(settings.overlayfs.expire_ms);
    },
    settle: () => source.settle(),
    stop() {
      [...timers, retiring].forEach(clearInterval);
      receiver.stop();
    },
  };
}

function tellAttachment({ method, failure, refusals }: AttachState, health: Health, log: Logger): void {
  if (method !== null) {
    tellMethod('overlayfs', method, refusals, health, log);
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

function momentOf(victimId: bigint, { hierarchy, cgroups, latency }: Context): OomMoment {
  // Only v2 knows pressure by cgroup.
  const place = hierarchy.version === 2 ? cgroups.place(victimId) : null;
  const folder = place === null || hierarchy.mount === null ? null : joinRaw(hierarchy.mount, place.raw);
  const pressure = folder === null ? null : joinRaw(folder, 'memory.pressure');
  return describeMoment(pressure, latency.recent?.p99Us(victimId, monotonicMs()) ?? {});
}

function tellMethod(
  probe: ReceiverName,
  method: string,
  refusals: NonNullable<ProbeState['refusals']>,
  health: Health,
  log: Logger,
): void {
  health.attached(probe, method, refusals);
  const others = Object.fromEntries(refusals.map(({ method, reason }) => [`not_${method}`, reason]));
  log.info(`The ${probe} probe is attached by ${method}`, others);
}

function startOom(context: Context): Running {
  const { config, kernel, health, log, hierarchy, cgroups, pidNsInum, cgroupId, records } = context;
  const { max_series: maxSeries, retain_ms: retainMs, ring_bytes: ringBytes } = config.receivers.oom;
  const { cgroup } = config.kernel;
  const receiver = OomReceiver.start({
    pidNsInum,
    cgroupId,
    cgroupVersion: hierarchy.version,
    mountId: mountIdOf(hierarchy),
    onCgroup: (id, place) => cgroups.tell(id, place),
    ringBytes,
    objects: OBJECTS,
  });
  // The kernel counts those, too, that the filter leaves out.
  const isWhole = pidNsInum === 0;
  const seen = (): number => receiver.counts().all;
  const reconciliation = new OomReconciliation({ hierarchy, cgroups, seen, isWhole });
  const cgroupIdOf = (task: OomTask): bigint => (hierarchy.version === 1 ? task.memoryCgroupId : task.defaultCgroupId);
  const source = new OomSource(receiver, cgroups, {
    maxSeries,
    retainMs,
    cgroupIdOf,
    onVictim: (id) => reconciliation.saw(id),
    momentOf: (victim) => momentOf(cgroupIdOf(victim), context),
    onKill(record) {
      log.warn(OOM_KILL.title, flatten(record));
      records.add(record);
    },
  });
  const { method, refusals, kmsgProblem } = receiver;
  if (kmsgProblem !== null) log.debug(`/oom has no kills of before the start: ${kmsgProblem}`);
  // A report does not tell the PID namespace.
  else if (pidNsInum === 0) {
    records.remember(describePastKills(receiver.takePast(), { identityOf: context.identifyCgroup, cgroup }));
  }
  if (method === 'tracepoint' && kmsgProblem !== null) {
    log.warn(`The scope of OOM kills will be "unknown": ${kmsgProblem}`, {
      cure: 'allow /dev/kmsg: --device /dev/kmsg --cap-add SYSLOG',
    });
  }
  kernel.addSource(source);
  tellMethod('oom', method, refusals, health, log);
  const timers = [
    every(OOM_POLL_MS, 'read OOM kills', () => source.poll(), health),
    every(RETIRE_MS, 'end old OOM series', () => kernel.end(source.retire()), health),
  ];
  return {
    observe: (observer) => observeOom(observer, receiver, source, reconciliation),
    choose: ({ settings }) => source.keep(settings.oom.max_series, settings.oom.retain_ms),
    settle: () => source.poll(monotonicMs(), true),
    stop() {
      timers.forEach(clearInterval);
      receiver.stop();
    },
  };
}

function startPressure(context: Context): Running {
  const { config, kernel, health, hierarchy, cgroups, identifyCgroup, isTask, filter } = context;
  // Pressure that can be read now and then would be told at every scrape.
  const log = withoutRepetition(context.log);
  const v2Mount = findV2Mount();
  const roomOf = ({ filter, settings }: Pick<Choice, 'filter' | 'settings'>): Room => {
    return { max: settings.pressure.max_containers, isWanted: filter ?? (() => true) };
  };
  const room = roomOf({ filter, settings: config.receivers });
  const inventoryOf = (mount: string | null): Inventory | null => {
    if (mount === null) return null;
    // What is met here keeps its name for a kill that is told when its cgroup is gone.
    const onFound = mount === hierarchy.mount ? (container: Container) => cgroups.meet(container) : undefined;
    return new Inventory(mount, { identify: identifyCgroup, isTask, room, ...(onFound && { onFound }) });
  };
  const memory = inventoryOf(hierarchy.mount);
  const pressure = v2Mount === hierarchy.mount ? memory : inventoryOf(v2Mount);
  const source = new PressureSource({
    path: '/proc/pressure/memory',
    pressure,
    memory: memory === null ? null : { inventory: memory, version: hierarchy.version },
    window: config.receivers.pressure.window,
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
  source.read();
  kernel.addSource(source);
  const discover = (): void => {
    source.discover();
    kernel.end(source.retire());
  };
  const timers = [every(DISCOVER_MS, 'discover containers', discover, health)];
  return {
    observe: (observer) => observePressure(observer, source),
    choose({ filter, identifyCgroup, isTask, settings }) {
      const room = roomOf({ filter, settings });
      for (const inventory of new Set([pressure, memory])) inventory?.identifyBy(identifyCgroup, isTask, room);
      kernel.end(source.choose(filter, settings.pressure.window));
    },
    stop: () => timers.forEach(clearInterval),
  };
}
