import { type Metric, ownerAttributes } from '../../metrics/catalogue.ts';

export const metrics = {
  sigkills: {
    name: 'floatie_sigkills_total',
    kind: 'counter',
    unit: '',
    description:
      'Processes that SIGKILL ended, by who sent it, with the owner of the killed process; a series without both is 0 from the start, for alerts',
    attributes: [
      {
        name: 'killer',
        meaning:
          '`kernel_oom` (the OOM killer), `oom_shared_memory` (it shared the memory of such a victim), `cgroup_kill` (a write to `cgroup.kill`), `pid_namespace_end` (the init of its container ended), `parent_death` (its parent or tracer ended, and it had asked to end then), `oomd` (systemd-oomd, earlyoom and their like), `runtime` (a container runtime or kubelet), `process` (any other process), `unknown`; see "Who killed it"',
      },
      {
        name: 'sender_comm',
        meaning:
          'name of the process that sent it, without numbers that count up; of `pid_namespace_end` and `parent_death` that of the process that ended; `kernel` for the OOM killer; `other` beyond 100 series of a pod or container; `unknown` where its event was lost',
      },
      ...ownerAttributes,
    ],
  },
} as const satisfies Record<string, Metric>;
