/** Makes the record of an event in which processes were killed. */
import { attributesOf } from '../../containers/attributes.ts';
import { wallMsOf } from '../../program/clock.ts';
import { ownerValues } from '../../records/owner.ts';
import { partOf, recordOf } from '../../records/schema.ts';
import { explainStorm } from './explanation.ts';
import { isByKernel } from './killer.ts';
import { KILL, type KillRecord, MEMBER_FIELDS } from './record-schema.ts';
import type { Storm } from './storms.ts';

/** Further members are only counted. */
const MAX_MEMBERS = 100;

export function describeStorm(storm: Storm): KillRecord {
  const [first, ...members] = storm.kills;
  const { event, killer } = first;
  const { victim, sender, term } = event;
  return recordOf(KILL, {
    time: new Date(wallMsOf(event.timeNs)).toISOString(),
    killer,
    explanation: explainStorm(storm),
    processes: storm.kills.length,
    ...(!isByKernel(killer) && {
      'sender.process': sender.process,
      'sender.pid': sender.tgid,
      'sender.uid': sender.uid,
      ...ownerValues('sender.', first.sender),
    }),
    ...(term !== null && {
      'sigterm.before_ms': term.beforeMs,
      'sigterm.ignored': term.isIgnored,
      'sigterm.process': term.process,
      'sigterm.pid': term.senderTgid,
    }),
    'victim.process': victim.process,
    'victim.pid': victim.tgid,
    'victim.ns_pid': victim.ownTgid,
    'victim.uid': victim.uid,
    ...attributesOf(first.victim),
    ...(members.length > 0 && { members: members.slice(0, MAX_MEMBERS).map(describeMember) }),
    ...(members.length > MAX_MEMBERS && { members_left_out: members.length - MAX_MEMBERS }),
    ...(storm.others.length > 0 && { other_kills: storm.others.length }),
  });
}

function describeMember({ killer, event: { victim }, victim: owner }: Storm['kills'][number]) {
  return partOf(MEMBER_FIELDS, {
    killer,
    process: victim.process,
    pid: victim.tgid,
    ns_pid: victim.ownTgid,
    uid: victim.uid,
    cgroup: attributesOf(owner).cgroup,
  });
}
