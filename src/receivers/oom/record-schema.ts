/** The fields of records of OOM kills, for the log, `/oom`, OTLP and the table in docs/records.md. */
import { containerFields } from '../../records/owner.ts';
import type { Fields, RecordSchema, TypedRecord, ValuesOf } from '../../records/schema.ts';
import type { OomCause } from './cause.ts';
import type { OomScope } from './kills.ts';

const UNEXPLAINED = "neither `oom_kill_process` nor a full report in the kernel's log tells it";
const NO_LIMIT = "no cgroup's limit was hit, or nothing tells it";
const FROM_LOG = "the record is from the kernel's log";
const LOG_LACKS_IT = "the record is from the kernel's log, and that report lacks it";
const NO_SIZE = 'it is not known, or a member shared the memory of another process';

const SIZE_FIELDS = {
  anon_rss_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'anonymous memory that the process had mapped',
    absent: NO_SIZE,
  },
  file_rss_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'pages of files that the process had mapped',
    absent: NO_SIZE,
  },
  shmem_rss_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'shared memory that the process had mapped',
    absent: NO_SIZE,
  },
  page_tables_bytes: { type: 'number', unit: 'bytes', meaning: 'page tables of the process', absent: NO_SIZE },
  total_vm_bytes: { type: 'number', unit: 'bytes', meaning: 'address space of the process', absent: NO_SIZE },
  oom_score_adj: { type: 'number', meaning: '`oom_score_adj` of the process', absent: LOG_LACKS_IT },
} as const satisfies Fields;

/** The fields of a process that was killed along with the victim. */
export const MEMBER_FIELDS = {
  comm: { type: 'string', meaning: 'name of the thread that the kernel marked as victim' },
  process: { type: 'string', meaning: 'name of the process', absent: FROM_LOG },
  reason: {
    type: ['group', 'shared_memory'],
    meaning:
      '`group`: its cgroup dies as a whole (`memory.oom.group`). `shared_memory`: it shared the memory of a process that was killed, as the child of `vfork` or `posix_spawn` does; neither the kernel nor the metric counts it',
  },
  pid: { type: 'number', meaning: 'number of the thread' },
  tgid: { type: 'number', meaning: 'number of the process', absent: FROM_LOG },
  ns_pid: { type: 'number', meaning: 'number of the process in its container', absent: FROM_LOG },
  uid: { type: 'number', meaning: 'user of the process', absent: LOG_LACKS_IT },
  cgroup: { type: 'string', meaning: 'cgroup of the process', absent: FROM_LOG },
  ...containerFields('', 'container and pod of that cgroup'),
  ...SIZE_FIELDS,
} as const satisfies Fields;

const NOT_REPORTED = "the kernel's log has no full report of the kill: it has ten in five seconds";
const NO_STATISTICS = `${NOT_REPORTED}, and the statistics were in none; nor is there a sample`;

/** What filled the memory whose limit was hit; that of the machine where no cgroup's limit was hit. */
const MEMORY_FIELDS = {
  'memory.source': {
    type: ['kernel_report', 'sampled'],
    meaning:
      "where the next fields are from. `kernel_report`: the kernel's report of the moment of the kill, which has `holders`, too; `sampled`: the last sample of the cgroup's files before it",
    absent: `${NOT_REPORTED}, and there is no sample`,
  },
  'memory.sample_age_s': {
    type: 'number',
    unit: 's',
    meaning: 'age of that sample at the kill',
    absent: '`memory_source` is not `sampled`',
  },
  'memory.anon_bytes': kind('anonymous memory: heaps, stacks'),
  'memory.file_bytes': kind('page cache of files on disks'),
  'memory.shmem_bytes': kind('files in memory (tmpfs) and shared memory'),
  'memory.kernel_bytes': kind(
    "the kernel's own memory: slab, stacks, page tables, sockets. On cgroup v2 before Linux 5.18: what is left of the usage",
  ),
  'memory.swap_bytes': kind(
    'swapped out, so no part of the usage',
    `${NO_STATISTICS}; or cgroup v1 does not count swap`,
  ),
  'memory.dirty_bytes': kind('part of the page cache that has to be written before it can be freed'),
  'memory.unevictable_bytes': kind('part that may not be reclaimed, such as by `mlock`'),
  'memory.truncated': {
    type: 'boolean',
    meaning: 'whether the log had lost a part of the report before Floatie read it: then processes can be missing',
    absent: NOT_REPORTED,
  },
} as const satisfies Fields;

function kind<Absent extends string = typeof NO_STATISTICS>(meaning: string, absent = NO_STATISTICS as Absent) {
  return { type: 'number', unit: 'bytes', meaning, absent } as const;
}

const NO_SAMPLE =
  'there was no sample so early: the cgroup is younger, `receivers.pressure` does not run, or `service.history` is false';

/** A sample of the usage before a kill. */
const USAGE_FIELDS = {
  seconds_before: { type: 'number', unit: 's', meaning: 'how long before the kill' },
  bytes: { type: 'number', unit: 'bytes', meaning: 'usage of the cgroup whose limit was hit' },
} as const satisfies Fields;

/** Since when memory filled. */
const PAST_FIELDS = {
  growth_10s: growth('the last 10 s'),
  growth_1m: growth('the last minute'),
  growth_5m: growth('the last five minutes'),
  limit_hits: {
    type: 'number',
    meaning: 'how often usage had met the limit before, since the cgroup began (`max` of `memory.events`; v1: failcnt)',
    absent: NO_SAMPLE,
  },
  high_hits: {
    type: 'number',
    meaning: 'how often usage had met `memory.high` before; 0 with cgroup v1, which has none',
    absent: NO_SAMPLE,
  },
  usage_before: {
    type: { each: USAGE_FIELDS },
    meaning:
      'samples of the usage before the kill, the oldest first: of five minutes, to the second where the limit was near',
    absent: NO_SAMPLE,
  },
} as const satisfies Fields;

function growth<When extends string>(when: When) {
  return {
    type: 'number',
    unit: 'bytes/s',
    meaning: `how fast usage had grown over ${when} or, where samples are farther apart, a little more`,
    absent: NO_SAMPLE,
  } as const;
}

/** The fields of a process that held memory below the limit. */
export const HOLDER_FIELDS = {
  comm: { type: 'string', meaning: 'name of the process' },
  pid: { type: 'number', meaning: 'number of the process' },
  uid: { type: 'number', meaning: 'user of the process' },
  cgroup: {
    type: 'string',
    meaning: 'cgroup of the process',
    absent:
      "the limit was that of the victim's own cgroup, or the process was not killed and Floatie does not see it in `/proc`, or has read a hundred files in that second",
  },
  ...containerFields('', 'container and pod of that cgroup'),
  rss_bytes: { type: 'number', unit: 'bytes', meaning: 'memory that the process had mapped' },
  anon_rss_bytes: { type: 'number', unit: 'bytes', meaning: 'anonymous part of it', absent: 'before Linux 6.8' },
  file_rss_bytes: { type: 'number', unit: 'bytes', meaning: 'pages of files in it', absent: 'before Linux 6.8' },
  shmem_rss_bytes: { type: 'number', unit: 'bytes', meaning: 'shared memory in it', absent: 'before Linux 6.8' },
  swap_bytes: { type: 'number', unit: 'bytes', meaning: 'swapped out' },
  page_tables_bytes: { type: 'number', unit: 'bytes', meaning: 'page tables of the process' },
  oom_score_adj: { type: 'number', meaning: '`oom_score_adj` of the process' },
} as const satisfies Fields;

/** The state of the machine and of the victim's container at the time of the kill. */
const MOMENT_FIELDS = {
  host_pressure_score_60s: {
    type: 'number',
    meaning: 'memory pressure score of the machine over the last minute, 0 to 100',
    absent: 'the kernel has no PSI',
  },
  pressure_score_60s: {
    type: 'number',
    meaning: "memory pressure score of the victim's cgroup over the last minute, 0 to 100",
    absent: 'the kernel has no PSI or only cgroup v1, or the cgroup was removed',
  },
  overlayfs_read_p99_us_60s: {
    type: 'number',
    unit: 'µs',
    meaning: "99th percentile of the latency of reads on overlayfs in the victim's cgroup over the last minute",
    absent: 'there were no reads, or Floatie does not measure them',
  },
  overlayfs_write_p99_us_60s: {
    type: 'number',
    unit: 'µs',
    meaning: '99th percentile of the latency of writes, likewise',
    absent: 'there were no writes, or Floatie does not measure them',
  },
} as const satisfies Fields;

export type OomMoment = ValuesOf<typeof MOMENT_FIELDS>;

const FIELDS = {
  time: { type: 'string', meaning: 'time of the kill, as RFC 3339 has it, in UTC' },
  read_from: {
    type: ['kernel_log'],
    meaning: "`kernel_log`: the kill was before the start, and the record has what the kernel's log still said of it",
    absent: 'Floatie saw the kill',
  },
  scope: {
    type: ['memcg', 'global', 'cpuset', 'mempolicy', 'sysrq', 'unknown'] satisfies readonly OomScope[],
    meaning: 'what ran out, as in the metric',
  },
  cause: {
    type: [
      ...(['sysrq', 'cpuset', 'node_pressure', 'limit_lowered', 'tmpfs', 'kernel_memory'] as const),
      ...(['page_cache_dirty', 'sibling', 'many_processes', 'burst', 'leak', 'unknown'] as const),
    ] satisfies readonly OomCause[],
    meaning:
      'why memory ran out, by [rules](#the-cause): `sysrq`, `cpuset`, `node_pressure`, `limit_lowered`, `tmpfs`, `kernel_memory`, `page_cache_dirty`, `sibling`, `many_processes`, `burst`, `leak`; `unknown` where none is sure',
  },
  explanation: { type: 'string', meaning: 'the same as a sentence for people, with the numbers on which it rests' },
  'limit.owner': {
    type: ['self', 'ancestor', 'node'],
    meaning:
      "whose limit was hit: that of the victim's own cgroup (`self`), of one above it (`ancestor`), such as its pod's, or the machine's (`node`)",
    absent: UNEXPLAINED,
  },
  'limit.cgroup': { type: 'string', meaning: 'cgroup whose limit was hit', absent: NO_LIMIT },
  ...containerFields('limit.', 'container and pod whose limit was hit'),
  'limit.bytes': { type: 'number', unit: 'bytes', meaning: 'limit that was hit', absent: NO_LIMIT },
  usage_bytes: { type: 'number', unit: 'bytes', meaning: 'usage below that limit', absent: NO_LIMIT },
  headroom_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'limit without the usage; 0 where the usage exceeded the limit for a moment',
    absent: NO_LIMIT,
  },
  'limit.includes_swap': {
    type: 'boolean',
    meaning: 'whether the limit is one of memory and swap together (cgroup v1)',
    absent: NO_LIMIT,
  },
  domain_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'memory that all processes may use together from which the kernel chose the victim',
    absent: 'the kernel does not let Floatie follow `oom_kill_process`',
  },
  ...MEMORY_FIELDS,
  ...PAST_FIELDS,
  order: {
    type: 'number',
    meaning: 'power of two of the pages that the trigger asked for; -1: somebody asked for the kill (sysrq-f)',
    absent: UNEXPLAINED,
  },
  'gfp.mask': { type: 'string', meaning: 'flags of the allocation', absent: UNEXPLAINED },
  'gfp.flags': { type: 'string', meaning: 'names of these flags', absent: UNEXPLAINED },
  'trigger.comm': { type: 'string', meaning: 'name of the thread that asked for memory', absent: LOG_LACKS_IT },
  'trigger.process': { type: 'string', meaning: 'name of the process of that thread', absent: FROM_LOG },
  'trigger.pid': { type: 'number', meaning: 'number of the thread that asked for memory', absent: LOG_LACKS_IT },
  'trigger.tgid': { type: 'number', meaning: 'number of the process of that thread', absent: FROM_LOG },
  'trigger.uid': { type: 'number', meaning: 'user of that process', absent: FROM_LOG },
  'trigger.cgroup': { type: 'string', meaning: 'cgroup of that process', absent: FROM_LOG },
  ...containerFields('trigger.', 'container and pod of that process'),
  'trigger.outside_limit': {
    type: 'boolean',
    meaning:
      'whether that process is outside `limit_cgroup`: it lowered the limit from outside, or has memory of a process inside',
    absent: NO_LIMIT,
  },
  'victim.comm': { type: 'string', meaning: 'name of the thread that the kernel marked as victim' },
  'victim.process': {
    type: 'string',
    meaning: 'name of the process that was killed; the metric has this name without numbers that count up',
    absent: FROM_LOG,
  },
  'victim.pid': { type: 'number', meaning: 'number of the thread that the kernel marked as victim' },
  'victim.tgid': { type: 'number', meaning: 'number of the process that was killed', absent: FROM_LOG },
  'victim.ns_pid': { type: 'number', meaning: 'number of that process in its container', absent: FROM_LOG },
  'victim.uid': { type: 'number', meaning: 'user of the process that was killed', absent: LOG_LACKS_IT },
  cgroup: {
    type: 'string',
    meaning:
      'cgroup of the process that was killed. The path comes with the kill, so it is there though the cgroup is removed at once. A path of more than 750 bytes can be cut to its lower part: `/…/NAME`',
  },
  ...containerFields('', 'container and pod of the process that was killed'),
  ...SIZE_FIELDS,
  ...MOMENT_FIELDS,
  holders: {
    type: { each: HOLDER_FIELDS },
    meaning: 'the largest processes that the kernel could choose from, ten at most, the largest first',
    absent: `${NOT_REPORTED}; or \`vm.oom_dump_tasks\` is 0`,
  },
  processes: { type: 'number', meaning: 'how many processes these were', absent: 'there are no `holders`' },
  processes_rss_bytes: {
    type: 'number',
    unit: 'bytes',
    meaning: 'memory that all of them had mapped; what they shared is counted for each',
    absent: 'there are no `holders`',
  },
  group_kill: {
    type: 'boolean',
    meaning: "whether the kernel killed the victim's cgroup as a whole (`memory.oom.group`)",
    absent: UNEXPLAINED,
  },
  members: {
    type: { each: MEMBER_FIELDS },
    meaning: 'the processes that were killed with the victim, 100 at most',
    absent: 'no other process was killed',
  },
  members_left_out: {
    type: 'number',
    meaning: 'how many processes more were killed with the victim',
    absent: '`members` has all of them',
  },
} as const satisfies Fields;

export type OomKillRecord = TypedRecord<typeof FIELDS>;

export const OOM_KILL: RecordSchema<typeof FIELDS> = {
  title: 'OOM kill',
  eventName: 'floatie.oom.kill',
  path: '/oom',
  fields: FIELDS,
  summaryOf: (values) => `OOM kill of ${values['victim.comm']} (${values['victim.tgid']}), scope ${values.scope}`,
};
