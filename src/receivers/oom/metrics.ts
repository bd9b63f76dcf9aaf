import { type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

export const metrics = {
  kills: {
    name: 'floatie_oom_kills_total',
    kind: 'counter',
    unit: '',
    description:
      'Processes that the OOM killer killed, by trigger and victim; a series without both is 0 from the start, for alerts',
    attributes: [
      {
        name: 'trigger_comm',
        meaning:
          'name of the process whose allocation failed, without numbers that count up (`vhost-1234` is `vhost`); all kworkers are `kworker`; `other` beyond 100 series of a pod or container',
      },
      {
        name: 'victim_comm',
        meaning:
          'name of the killed process, in the same form; `other` beyond 200 series of a pod or container; `unknown` where its event was lost',
      },
      {
        name: 'scope',
        meaning:
          "what ran out: `memcg` (a cgroup's limit), `global` (the machine's memory), `cpuset` or `mempolicy` (the memory of some NUMA nodes); `sysrq` for a requested kill; `unknown`",
      },
      ...ownerAttributes,
    ],
  },
  reconcileDifference: {
    name: 'floatie_oom_reconcile_difference',
    aboutFloatie: true,
    kind: 'gauge',
    unit: '',
    description:
      'OOM kills in the kernel\'s own counters minus those that Floatie has seen, since Floatie started; see "When something is missed"',
    attributes: [
      {
        name: 'source',
        meaning: '`vmstat`: on the whole machine, `memory_events`: in the existing cgroups with kills',
      },
    ],
  },
} as const satisfies Record<string, Metric>;
