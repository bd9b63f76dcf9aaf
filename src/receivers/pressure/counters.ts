/** What single lines in the files of a cgroup count or tell: waits, limits, refaults. */
import { parseLine } from '../../kernel/psi.ts';
import { joinRaw, type RawPath } from '../../kernel/raw-path.ts';
import type { Metric } from '../../metrics/catalogue.ts';
import { readOrNull } from '../../program/read-or-null.ts';
import type { MemoryReader } from './memory.ts';
import { metrics } from './metrics.ts';

/** A counter's total or a gauge's value, `perUnit` of which make one unit. */
export interface Value {
  readonly metric: Metric;
  /** The attribute `event`. */
  readonly event?: string;
  readonly value: number;
}

/** A hierarchy with the memory controller. */
export interface Place {
  readonly version: 1 | 2;
  readonly mount: string;
  /** Where cpu.stat is, by the same path; null: nowhere. */
  readonly cpuMount: string | null;
  /** v1: whether the kernel accounts memory and swap together (swapaccount=1). */
  readonly countsSwap: boolean;
  readonly memory: MemoryReader;
}

type Read = (path: RawPath) => string | null;

const RESOURCES = [
  { resource: 'cpu', waiting: metrics.cpuWaiting, stalled: metrics.cpuStalled },
  { resource: 'io', waiting: metrics.ioWaiting, stalled: metrics.ioStalled },
] as const;

/** How long tasks waited for the CPU and for I/O. What the kernel does not tell has no value. */
export function* readWaits(pathOf: (resource: string) => RawPath, read: Read = readOrNull): Generator<Value> {
  for (const { resource, waiting, stalled } of RESOURCES) {
    const text = read(pathOf(resource));
    if (text === null) continue;
    const some = parseLine(text, 'some');
    if (some !== null && some.totalUs > 0) yield { metric: waiting, value: some.totalUs };
    // The host has none of the CPU, since some task always runs; there the kernel writes 0.
    const full = parseLine(text, 'full');
    if (full !== null && full.totalUs > 0) yield { metric: stalled, value: full.totalUs };
  }
}

/** Documentation/admin-guide/cgroup-v2.rst, memory.events. */
const EVENTS = ['low', 'high', 'max', 'oom', 'oom_kill', 'oom_group_kill'] as const;

const US_PER_NS = 1e-3;

/** What happened to a cgroup since its creation; an event that never happened has no value. */
export function* countersOf(place: Place, path: RawPath, read: Read = readOrNull): Generator<Value> {
  const { version, mount, cpuMount, countsSwap, memory } = place;
  for (const [metric, name] of [
    [metrics.majorFaults, 'majorFaults'],
    [metrics.fileRefaults, 'fileRefaults'],
  ] as const) {
    const value = memory.counter(path, name);
    if (value !== null && value > 0) yield { metric, value };
  }
  const folder = joinRaw(mount, path);
  if (version === 2) {
    const text = read(joinRaw(folder, 'memory.events'));
    for (const event of EVENTS) yield* happened(event, lineOf(text, event));
  } else {
    // How often a charge met the limit of memory, or that of memory and swap together.
    const files = ['memory.failcnt', ...(countsSwap ? ['memory.memsw.failcnt'] : [])];
    yield* happened(
      'max',
      files.reduce((sum, file) => sum + Number(read(joinRaw(folder, file))), 0),
    );
    const control = read(joinRaw(folder, 'memory.oom_control'));
    yield* happened('oom_kill', lineOf(control, 'oom_kill'));
    if (lineOf(control, 'oom_kill_disable') === 1)
      yield { metric: metrics.underOom, value: lineOf(control, 'under_oom') };
  }
  if (cpuMount === null) return;
  const stat = read(joinRaw(joinRaw(cpuMount, path), 'cpu.stat'));
  const throttledUs = version === 2 ? lineOf(stat, 'throttled_usec') : lineOf(stat, 'throttled_time') * US_PER_NS;
  if (throttledUs > 0) yield { metric: metrics.throttled, value: Math.floor(throttledUs) };
}

function* happened(event: (typeof EVENTS)[number], value: number): Generator<Value> {
  if (value > 0) yield { metric: metrics.events, event, value };
}

/** NaN without such a line. */
function lineOf(text: string | null, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1]);
}
