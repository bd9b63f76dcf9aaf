import { type Attribute, type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

const US_PER_S = 1e6;

const SCOPE: Attribute = { name: 'scope', meaning: '`host` or `container`' };

export const metrics = {
  score: {
    name: 'floatie_memory_pressure_score',
    kind: 'gauge',
    unit: '',
    description:
      'Memory pressure from 0 to 100: the mean of the shares of time in which some and in which all tasks waited for memory, over `receivers.pressure.window`',
    attributes: [SCOPE, ...ownerAttributes],
  },
  waiting: {
    name: 'floatie_memory_pressure_waiting_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time in which at least one task waited for memory, in seconds',
    attributes: [SCOPE, ...ownerAttributes],
  },
  stalled: {
    name: 'floatie_memory_pressure_stalled_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time in which all non-idle tasks waited for memory, in seconds',
    attributes: [SCOPE, ...ownerAttributes],
  },
  headroom: {
    name: 'floatie_memory_headroom_bytes',
    kind: 'gauge',
    unit: 'By',
    description:
      'Memory that a container can still allocate below its nearest limit or that of an ancestor, in bytes: limit minus working set (usage without inactive file pages)',
    attributes: ownerAttributes,
  },
  majorFaults: {
    name: 'floatie_memory_major_faults_total',
    kind: 'counter',
    unit: '',
    description:
      'Major faults of a container: how often it waited until a page of a mapped file was read, or one from swap',
    attributes: ownerAttributes,
  },
  fileRefaults: {
    name: 'floatie_memory_file_refaults_total',
    kind: 'counter',
    unit: '',
    description:
      'Pages of files that a container had to read again soon after the kernel took them away: its memory is too small for what it works on',
    attributes: ownerAttributes,
  },
  events: {
    name: 'floatie_memory_events_total',
    kind: 'counter',
    unit: '',
    description:
      "What the kernel counts of a container's memory before and when it runs out; a series begins with its first event",
    attributes: [
      {
        name: 'event',
        meaning:
          '`low` (reclaimed although protected), `high` (throttled), `max` (at the limit: memory had to be reclaimed, or the allocation failed), `oom` (reclaim did not help), `oom_kill` (processes killed), `oom_group_kill` (killed as a whole, since Linux 5.17). With cgroup v1 `max` and `oom_kill` only, of that cgroup without those below it',
      },
      ...ownerAttributes,
    ],
  },
  underOom: {
    name: 'floatie_memory_under_oom',
    kind: 'gauge',
    unit: '',
    description:
      '1 while tasks of a container stand still for want of memory, since its OOM killer is switched off (cgroup v1, `oom_kill_disable`); only such containers have a series',
    attributes: ownerAttributes,
  },
  throttled: {
    name: 'floatie_cpu_throttled_seconds_total',
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: 'Time in which the CPU limit of a container kept its tasks from running, in seconds',
    attributes: ownerAttributes,
  },
  cpuWaiting: waitMetric('cpu', 'waiting', 'at least one task waited for a CPU'),
  cpuStalled: waitMetric('cpu', 'stalled', 'all non-idle tasks waited for a CPU'),
  ioWaiting: waitMetric('io', 'waiting', 'at least one task waited for I/O'),
  ioStalled: waitMetric('io', 'stalled', 'all non-idle tasks waited for I/O'),
  unavailable: {
    name: 'floatie_pressure_unavailable',
    aboutFloatie: true,
    kind: 'gauge',
    unit: '',
    description: '1 while the memory pressure of the host cannot be read',
    attributes: [{ name: 'reason', meaning: '`missing`, `disabled`, `forbidden` or `malformed`' }],
  },
  leftOut: {
    name: 'floatie_pressure_containers_left_out',
    aboutFloatie: true,
    kind: 'gauge',
    unit: '',
    description:
      'Containers without series of memory pressure and headroom, since there are more than receivers.pressure.max_containers',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;

/** Of the host and of containers, without those about the receiver itself. */
export const receiverMetrics: readonly Metric[] = Object.values<Metric>(metrics).filter(
  ({ aboutFloatie }) => aboutFloatie !== true,
);

function waitMetric(resource: string, state: 'waiting' | 'stalled', when: string) {
  return {
    name: `floatie_${resource}_pressure_${state}_seconds_total`,
    kind: 'counter',
    unit: 's',
    perUnit: US_PER_S,
    description: `Time in which ${when}, in seconds`,
    attributes: [SCOPE, ...ownerAttributes],
  } as const satisfies Metric;
}
