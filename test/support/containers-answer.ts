/** An answer of `/api/v1/containers` with containers that wait, are killed, are gone, or have hostile names. */
import {
  type Container,
  type ContainerMemory,
  type ContainerOperation,
  type Containers,
  STEP_S,
  STEPS,
} from '../../src/history/schema.ts';

export const TIME = '2026-01-02T03:04:05.000Z';
export const HOSTILE = `<img src=x onerror=alert(1)>"'&\u202egnp.exe\u001b[31m`;
/** 4 kB. */
export const LONG = '<script>alert(1)</script>'.repeat(164);

const series = (value: (step: number) => number): number[] => Array.from({ length: STEPS }, (_, step) => value(step));

export function operation(op: string, perS: number, sumS: number, p99Us: number, is_part = false): ContainerOperation {
  const window = (lengthS: number) => {
    const count = perS * lengthS;
    return {
      count,
      per_s: perS,
      sum_s: sumS * (lengthS / STEP_S),
      p50_us: p99Us / 8,
      p99_us: p99Us,
      bytes: 0,
      errors: 0,
    };
  };
  return {
    op,
    is_part,
    last_10s: window(STEP_S),
    last_1m: window(60),
    waits: [
      { cause: 'device', last_10s_s: sumS * 0.8, last_1m_s: sumS * 4.8 },
      { cause: 'lock', last_10s_s: sumS * 0.2, last_1m_s: sumS * 1.2 },
    ],
    series: {
      count: series(() => perS * STEP_S),
      sum_s: series(() => sumS),
      p99_us: series((step) => p99Us * (1 + (step % 3))),
      buckets: [
        { le_us: 64, counts: series((step) => 10 * step) },
        { le_us: 128, counts: series((step) => step % 2) },
        { counts: series((step) => (step === 9 ? 1 : 0)) },
      ],
    },
  };
}

const MEMORY: ContainerMemory = {
  usage_bytes: 48 << 20,
  limit_bytes: 64 << 20,
  headroom_bytes: 16 << 20,
  pressure_score: 12.5,
  series: {
    usage_bytes: series((step) => (step + 18) << 20),
    headroom_bytes: series((step) => (46 - step) << 20),
    pressure_score: series(() => 12.5),
  },
};

export function container(name: string, values: Partial<Container> = {}): Container {
  const id = Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
  const operations = values.operations ?? [];
  const causes = ['device', 'lock'] as const;
  return {
    cgroup: `/machine.slice/libpod-${id}.scope`,
    container_id: id,
    container_name: name,
    container_image_name: 'registry.example/image',
    is_gone: false,
    operations,
    waits: causes.map((cause, at) => {
      const share = at === 0 ? 0.8 : 0.2;
      const sum = operations.reduce((total, { is_part, last_10s }) => total + (is_part ? 0 : last_10s.sum_s), 0);
      return { cause, last_10s_s: sum * share, last_1m_s: sum * share * 6, series_s: series(() => sum * share) };
    }),
    memory: MEMORY,
    oom_kills_5m: 0,
    oom_kills: series(() => 0),
    ...values,
  };
}

export const WEB = container('web-1', {
  operations: [
    operation('read', 120, 8.4, 40_000),
    operation('sync', 3, 0.2, 9000),
    operation('copy_up', 1, 5, 900_000, true),
  ],
});

export const ANSWER: Containers = {
  time: TIME,
  step_s: STEP_S,
  steps: STEPS,
  last_step_s: STEP_S,
  last_10s_s: STEP_S,
  last_1m_s: 60,
  containers: [
    container('quiet', { operations: [operation('write', 2, 0.001, 64)], memory: { series: MEMORY.series } }),
    WEB,
    container('killed', { oom_kills_5m: 2 }),
    container(HOSTILE, { is_gone: true }),
  ],
  left_out: 0,
};
