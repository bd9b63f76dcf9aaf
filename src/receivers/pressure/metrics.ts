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
      'Containers without series of memory pressure and headroom, because there are more than receivers.pressure.max_containers, in the last walk of the hierarchy',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;
