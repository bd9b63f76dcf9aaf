import { type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

export const metrics = {
  latency: {
    name: 'floatie_memory_reclaim_latency_us',
    kind: 'histogram',
    unit: 'us',
    perUnit: 1000,
    description:
      "Duration of reclaims of memory by a container's own tasks, in microseconds: how long a task waited because its cgroup was at a limit or above memory.high, or the machine was short of memory",
    attributes: ownerAttributes,
  },
  excluded: {
    name: 'floatie_memory_reclaim_excluded_total',
    kind: 'counter',
    unit: '',
    description:
      'Reclaims of memory in cgroups that `containers.include`, `containers.exclude` or a `filter` excludes; no other metric counts them',
    attributes: [{ name: 'op', meaning: 'always `reclaim`' }],
  },
} as const satisfies Record<string, Metric>;
