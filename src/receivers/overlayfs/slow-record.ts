/** Makes the record of a slow operation. */

import { attributesOf } from '../../containers/attributes.ts';
import type { Identity } from '../../containers/identity.ts';
import { errnoName } from '../../native/index.ts';
import { wallMsOf } from '../../program/clock.ts';
import { recordOf } from '../../records/schema.ts';
import { CAUSES, type Cause } from './causes.ts';
import type { SlowEvent } from './slow-events.ts';
import { SLOW_OPERATION, type SlowRecord } from './slow-schema.ts';

/** How much of paths is told: `receivers.overlayfs.slow_paths`. */
export type SlowPaths = 'full' | 'directory' | 'off';

const MOVING: readonly string[] = ['read', 'write', 'splice', 'copy_range'];

/** include/linux/errno.h: ERESTARTSYS and its kin, for which the caller gets EINTR, or the call is repeated. */
const INTERRUPTED: readonly number[] = [512, 513, 514, 516];

export function describeSlow(event: SlowEvent, owner: Identity, paths: SlowPaths): SlowRecord {
  const { op, result, path } = event;
  return recordOf(SLOW_OPERATION, {
    time: new Date(wallMsOf(event.timeNs)).toISOString(),
    op,
    duration_us: Math.round(event.durationNs / 1000),
    ...partsOf(event),
    device_read_bytes: event.fetchedBytes > 0 ? event.fetchedBytes : undefined,
    error: result < 0 ? nameOf(-result) : undefined,
    bytes: result >= 0 && MOVING.includes(op) ? result : undefined,
    offset_bytes: event.offset,
    ...(path !== undefined &&
      paths !== 'off' && {
        path: paths === 'full' ? path.path : path.directory,
        deleted: path.isDeleted,
      }),
    copied_up_bytes: event.copiedBytes,
    comm: event.comm,
    process: event.process === '' ? undefined : event.process,
    pid: event.pid,
    tgid: event.tgid,
    ns_pid: event.ownTgid === 0 ? undefined : event.ownTgid,
    uid: event.uid,
    ...attributesOf(owner),
  });
}

function partsOf({ parts }: SlowEvent): Partial<Record<`${Cause}_us`, number>> {
  const some = CAUSES.filter((cause) => parts[cause] > 0);
  return Object.fromEntries(some.map((cause) => [`${cause}_us`, Math.round(parts[cause] / 1000)]));
}

function nameOf(errno: number): string {
  return INTERRUPTED.includes(errno) ? 'EINTR' : errnoName(errno);
}
