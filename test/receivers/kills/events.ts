/** Events of kills for tests. */
import { identify } from '../../../src/containers/identity.ts';
import type { KillEvent, KillTask } from '../../../src/receivers/kills/events.ts';
import type { Kill } from '../../../src/receivers/kills/killer.ts';

export const CONTAINER = `/docker/${'a'.repeat(64)}`;
export const HOST = '/system.slice/runtime.service';

export function taskOf(tgid: number, process: string, ownTgid = tgid): KillTask {
  return { tgid, ownTgid, uid: 0, process, cgroupId: 1n };
}

/** `kill -9` from outside, unless told otherwise. */
export function eventOf(
  how: Partial<Omit<KillEvent, 'victim' | 'sender'>>,
  sender = taskOf(1, 'bash'),
  victim = taskOf(100, 'app'),
) {
  return {
    ...{ timeNs: 1e9, memory: 5n, info: 'sent', code: 0, isToProcess: true, senderExits: false, diesWithParent: false },
    ...{ term: null, victim, sender: { ...sender, pid: sender.tgid } },
    ...how,
  } as const satisfies KillEvent as KillEvent;
}

export function killOf(event: KillEvent, known: Partial<Kill> = {}, from = HOST, of = CONTAINER): Kill {
  return { event, victim: identify(of), sender: identify(from), isMarked: false, sharesMarked: false, ...known };
}
