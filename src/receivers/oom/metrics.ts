import { type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

export const metrics = {
  kills: {
    name: 'floatie_oom_kills_total',
    kind: 'counter',
    unit: '',
    description:
      'Processes killed because memory ran out, by victim; the series without one is there, as 0, from the start',
    attributes: [
      {
        name: 'trigger_comm',
        meaning:
          'name of the process whose allocation failed, without numbers that count up (`vhost-1234` is `vhost`); `kworker` for all of those; `other` beyond 100 series of a pod or container',
      },
      {
        name: 'victim_comm',
        meaning:
          'name of the process that was killed, likewise; `other` beyond 200 series; `unknown` where its event was lost',
      },
      {
        name: 'scope',
        meaning:
          "what ran out: `memcg` (a cgroup's limit), `global` (the machine's memory), `cpuset` or `mempolicy` (that of some of its nodes); `sysrq`: somebody asked for a kill; `unknown`",
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
      'OOM kills that the kernel counts more than Floatie has seen since it started; see "When something is missed"',
    attributes: [
      {
        name: 'source',
        meaning:
          '`vmstat`: of the whole machine, `memory_events`: of the cgroups that lost a process and are still there',
      },
    ],
  },
} as const satisfies Record<string, Metric>;
