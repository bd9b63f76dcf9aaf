/** The fields of records of kills, for the log, `/kills`, OTLP and the table in docs/records.md. */
import { containerFields } from '../../records/owner.ts';
import type { Fields, RecordSchema, TypedRecord } from '../../records/schema.ts';
import { KILLERS } from './killer.ts';

const KERNEL_ALONE = 'the kernel killed on its own: `kernel_oom`, `oom_shared_memory`, `unknown`';
const NO_TERM = 'Floatie remembers no SIGTERM to the process: it keeps the last 1,024 of the machine';

/** The fields of a further process that was killed in the same event. */
export const MEMBER_FIELDS = {
  killer: { type: KILLERS, meaning: 'who killed it, as in the metric' },
  process: { type: 'string', meaning: 'name of the process' },
  pid: { type: 'number', meaning: 'number of the process' },
  ns_pid: { type: 'number', meaning: 'number of the process in its container' },
  uid: { type: 'number', meaning: 'user of the process' },
  cgroup: { type: 'string', meaning: 'cgroup of the process' },
} as const satisfies Fields;

const FIELDS = {
  time: { type: 'string', meaning: 'time of the first kill, as RFC 3339 has it, in UTC' },
  killer: { type: KILLERS, meaning: 'who killed the first process, as in the metric' },
  explanation: { type: 'string', meaning: 'the same as a sentence for people' },
  processes: { type: 'number', meaning: 'how many processes were killed in this event' },
  'sender.process': {
    type: 'string',
    meaning:
      'name of the process that sent the signal; of `pid_namespace_end` and `parent_death`, of the process that ended',
    absent: KERNEL_ALONE,
  },
  'sender.pid': { type: 'number', meaning: 'number of that process', absent: KERNEL_ALONE },
  'sender.uid': { type: 'number', meaning: 'user of that process', absent: KERNEL_ALONE },
  'sender.cgroup': { type: 'string', meaning: 'cgroup of that process', absent: KERNEL_ALONE },
  ...containerFields('sender.', 'container and pod of the process that sent the signal'),
  'sigterm.before_ms': {
    type: 'number',
    meaning: 'how long before the kill the last SIGTERM was sent to the process, in ms',
    absent: NO_TERM,
  },
  'sigterm.ignored': {
    type: 'boolean',
    meaning: 'whether it ignored that SIGTERM; the first process of a container does unless it has a handler for it',
    absent: NO_TERM,
  },
  'sigterm.process': { type: 'string', meaning: 'name of the process that sent that SIGTERM', absent: NO_TERM },
  'sigterm.pid': { type: 'number', meaning: 'number of the process that sent that SIGTERM', absent: NO_TERM },
  'victim.process': { type: 'string', meaning: 'name of the first process that was killed' },
  'victim.pid': { type: 'number', meaning: 'number of that process' },
  'victim.ns_pid': { type: 'number', meaning: 'number of that process in its container' },
  'victim.uid': { type: 'number', meaning: 'user of that process' },
  cgroup: {
    type: 'string',
    meaning: 'cgroup of that process; it is there though the cgroup is removed at once',
  },
  ...containerFields('', 'container and pod of the first process that was killed'),
  members: {
    type: { each: MEMBER_FIELDS },
    meaning: 'the other processes that were killed in this event, 100 at most',
    absent: 'no other process was killed',
  },
  members_left_out: {
    type: 'number',
    meaning: 'how many processes more were killed in this event',
    absent: '`members` has all of them',
  },
  other_kills: {
    type: 'number',
    meaning:
      'how many further kills of this container, in the same half second, have no record, because ten have one already; the metric counts them',
    absent: 'all kills have a record',
  },
} as const satisfies Fields;

export type KillRecord = TypedRecord<typeof FIELDS>;

export const KILL: RecordSchema<typeof FIELDS> = {
  title: 'SIGKILL',
  eventName: 'floatie.kill',
  path: '/kills',
  fields: FIELDS,
  summaryOf: ({ explanation }) => explanation,
};
