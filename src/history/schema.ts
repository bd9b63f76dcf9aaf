/**
 * The answer at `/api/v1/containers`: what each container waited for, and its memory, in the last five minutes. Names
 * and meanings of its fields; docs/api.md has them as a table. Fields are added, and never change their meaning.
 */
import { OWNER, type OwnerName } from '../containers/attributes.ts';
import type { Field, Fields, OptionalText, Text, ValuesOf } from '../records/schema.ts';

/** The length of a step of every series, in s, and how many steps there are at most. */
export const STEP_S = 10;
export const STEPS = 30;
/** The steps of a minute. */
export const MINUTE = 6;
/** How many seconds are kept one by one, while somebody looks. */
export const SECONDS = 10;

const NOT_DONE = 'the operation was not done in that time';
const NEVER = '`receivers.pressure` does not run, or the file of the cgroup cannot be read';

/** What was done in a window, and for how long the callers waited. */
const WINDOW = {
  count: { type: 'number', meaning: 'successful operations' },
  per_s: { type: 'number', unit: '1/s', meaning: 'the same for each second' },
  sum_s: { type: 'number', unit: 's', meaning: 'time that callers waited, of all threads together' },
  p50_us: {
    type: 'number',
    unit: 'µs',
    meaning: 'median of the duration, within the buckets 1, 2, 4 … 524288',
    absent: NOT_DONE,
  },
  p99_us: { type: 'number', unit: 'µs', meaning: '99th percentile of the duration, likewise', absent: NOT_DONE },
  bytes: { type: 'number', unit: 'bytes', meaning: 'bytes that the operations moved' },
  errors: { type: 'number', meaning: 'operations that failed; they are not in `count`' },
} as const satisfies Fields;

/** What the waits of an operation, or of all of them, were for. */
const WAIT = {
  cause: { type: 'string', meaning: 'what callers waited for, as in `floatie_overlayfs_wait_seconds_total`' },
  last_10s_s: { type: 'number', unit: 's', meaning: 'time that they waited for it in the last ten seconds' },
  last_1m_s: { type: 'number', unit: 's', meaning: 'the same in the last minute' },
} as const satisfies Fields;

const NO_CAUSES = 'causes are not measured: see `floatie_overlayfs_cause_measured`';

const BUCKET = {
  le_us: {
    type: 'number',
    unit: 'µs',
    meaning: 'upper bound, inclusive; the lower one is half of it',
    absent: 'those that took longer than 524288 µs',
  },
  counts: {
    type: 'numbers',
    meaning: 'successful operations in each step, to within 5 %, and exact up to 11 and in the last step',
  },
} as const satisfies Fields;

const OPERATION = {
  op: { type: 'string', meaning: 'operation, as in the metrics: `read`, `write`, `sync`, `open`, `stat` …' },
  is_part: {
    type: 'boolean',
    meaning: 'whether its time lies within other operations, as that of a copy-up does: never add it to theirs',
  },
  last_10s: { type: { of: WINDOW }, meaning: 'the last ten seconds' },
  last_1m: { type: { of: WINDOW }, meaning: 'the last minute' },
  waits: { type: { each: WAIT }, meaning: 'what its callers waited for, the longest first', absent: NO_CAUSES },
  series: {
    type: {
      of: {
        count: { type: 'numbers', meaning: 'successful operations in each step' },
        sum_s: { type: 'numbers', unit: 's', meaning: 'time that callers waited in each step' },
        p99_us: { type: 'numbers', unit: 'µs', meaning: '99th percentile in each step, null in a step without any' },
        buckets: {
          type: { each: BUCKET },
          meaning: 'how many took how long, for a heatmap: each bucket that has any, the fastest first',
          absent: 'the query does not name a container',
        },
      },
    },
    meaning: 'the last five minutes',
  },
} as const satisfies Fields;

/** A resource whose shortage the kernel measures (PSI), or the CPU limit. */
const STALL = {
  last_10s_s: { type: 'number', unit: 's', meaning: 'the last ten seconds' },
  last_1m_s: { type: 'number', unit: 's', meaning: 'the last minute' },
  series_s: { type: 'numbers', unit: 's', meaning: 'each step of the last five minutes' },
} as const satisfies Fields;

const NO_PRESSURE = 'the kernel has no pressure of this cgroup (PSI is off, or cgroup v1 only), or nothing waited yet';

const MEMORY = {
  usage_bytes: { type: 'number', unit: 'bytes', meaning: 'usage of the cgroup, with page cache', absent: NEVER },
  limit_bytes: { type: 'number', unit: 'bytes', meaning: 'limit of the cgroup', absent: 'it has none of its own' },
  headroom_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'what can still be allocated below the nearest limit, as `floatie_memory_headroom_bytes` has it',
    absent: 'no limit applies to the cgroup',
  },
  pressure_score: { type: 'number', meaning: '`floatie_memory_pressure_score`, 0 to 100', absent: NO_PRESSURE },
  growth_10s: growth('in the last step'),
  growth_1m: growth('in the last minute'),
  growth_5m: growth('in the last five minutes'),
  at_limit_5m: {
    type: 'number',
    meaning: 'how often usage met `memory.max` (cgroup v1: failcnt) in the last five minutes',
    absent: NEVER,
  },
  throttled_5m: {
    type: 'number',
    meaning: 'how often usage met `memory.high` in the last five minutes',
    absent: 'it never did, or cgroup v1, which has no such limit; or as above',
  },
  series: {
    type: {
      of: {
        usage_bytes: { type: 'numbers', unit: 'bytes', meaning: 'usage at the end of each step' },
        headroom_bytes: { type: 'numbers', unit: 'bytes', meaning: 'headroom at the end of each step' },
        pressure_score: { type: 'numbers', meaning: 'score at the end of each step' },
      },
    },
    meaning: 'the last five minutes',
  },
} as const satisfies Fields;

const NO_KILLS = 'no receiver counts kills';

const CONTAINER = {
  ...ownerFields(),
  is_gone: { type: 'boolean', meaning: 'whether it is removed: what is left ends within five minutes' },
  operations: {
    type: { each: OPERATION },
    meaning:
      'operations on overlayfs of the last five minutes, the one that callers waited longest for in the last minute first',
  },
  waits: {
    type: {
      each: {
        ...WAIT,
        series_s: { type: 'numbers', unit: 's', meaning: 'time that they waited for it in each step' },
      },
    },
    meaning: 'what callers waited for in all operations together, the longest in the last minute first',
    absent: NO_CAUSES,
  },
  memory: { type: { of: MEMORY }, meaning: 'its memory' },
  oom_kills_5m: {
    type: 'number',
    meaning: 'processes that the OOM killer killed in the last five minutes',
    absent: NO_KILLS,
  },
  oom_kills: { type: 'numbers', meaning: 'the same in each step', absent: NO_KILLS },
  cpu_stall: { type: { of: STALL }, meaning: 'time in which a task waited for a CPU', absent: NO_PRESSURE },
  io_stall: {
    type: { of: STALL },
    meaning: 'time in which a task waited for I/O, of any filesystem',
    absent: NO_PRESSURE,
  },
  memory_stall: { type: { of: STALL }, meaning: 'time in which a task waited for memory', absent: NO_PRESSURE },
  cpu_throttled: {
    type: { of: STALL },
    meaning: 'time in which the CPU limit kept tasks from running',
    absent: 'it never did, or cpu.stat cannot be read',
  },
} as const satisfies Fields;

export const CONTAINERS = {
  time: { type: 'string', meaning: 'when the counts were read, as RFC 3339 has it, in UTC' },
  step_s: { type: 'number', unit: 's', meaning: 'length of a step: 10' },
  steps: {
    type: 'number',
    meaning:
      'how many steps every series has, the oldest first: 30 from five minutes after the start on, or as `steps` of the query says',
  },
  last_step_s: {
    type: 'number',
    unit: 's',
    meaning: 'true length of the last step, which goes on while somebody asks every few seconds',
  },
  last_10s_s: { type: 'number', unit: 's', meaning: 'true length of the last ten seconds' },
  last_1m_s: {
    type: 'number',
    unit: 's',
    meaning: 'true length of the last minute: six steps, fewer just after the start',
  },
  containers: {
    type: { each: CONTAINER },
    meaning: 'every container, and every other cgroup that used overlayfs, the one that waited longest first',
  },
  left_out: { type: 'number', meaning: 'how many more there are for which the history has no room' },
} as const satisfies Fields;

export type Containers = ValuesOf<typeof CONTAINERS>;
export type Container = ValuesOf<typeof CONTAINER>;
export type ContainerOperation = ValuesOf<typeof OPERATION>;
export type OperationWindow = ValuesOf<typeof WINDOW>;
export type ContainerMemory = ValuesOf<typeof MEMORY>;
export type Wait = ValuesOf<typeof WAIT>;
export type Stall = ValuesOf<typeof STALL>;

function growth<When extends string>(when: When) {
  return {
    type: 'number',
    unit: 'bytes/s',
    meaning: `how fast usage grew ${when}; negative where it fell`,
    absent: 'the usage at the beginning of that time is not known',
  } as const satisfies Field;
}

type Flat<Name extends string> = Name extends `${infer Head}.${infer Rest}` ? `${Head}_${Flat<Rest>}` : Name;

type OwnerFields = { readonly cgroup: Text } & {
  readonly [Name in Exclude<OwnerName, 'cgroup'> as Flat<Name>]: OptionalText;
};

/** The owner's attributes under the names that they have in Prometheus and in records. */
function ownerFields(): OwnerFields {
  const fields = Object.entries(OWNER).map(([name, meaning]) => [
    name.replaceAll('.', '_'),
    { type: 'string', meaning, ...(name !== 'cgroup' && { absent: 'nothing names it' }) },
  ]);
  return Object.fromEntries(fields) as OwnerFields;
}
