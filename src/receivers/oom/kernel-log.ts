/** The kernel's log, /dev/kmsg: the OOM kills that it reports from now on, and those that it still has of earlier. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { seekToEnd } from '../../native/index.ts';
import { KmsgKills, type ReportedKill } from './kmsg.ts';

/** A record is at most this long, Documentation/ABI/testing/dev-kmsg. */
const RECORD_BYTES = 8192;
const KMSG = '/dev/kmsg';

export class Kmsg {
  readonly #fd: number;
  readonly #record = Buffer.alloc(RECORD_BYTES);
  readonly #kills = new KmsgKills();

  /** Opens the log at its end. Throws when this process may not read it (CAP_SYSLOG) or it is not there. */
  constructor(path = KMSG) {
    this.#fd = open(path);
    try {
      seekToEnd(this.#fd);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** The kills reported since the last call. */
  read(): ReportedKill[] {
    const kills: ReportedKill[] = [];
    for (const record of records(this.#fd, this.#record)) {
      const kill = this.#kills.take(record);
      if (kill !== null) kills.push(kill);
    }
    return kills;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** How long reading what the log has of earlier may take, in ms: whoever writes quickly enough has no end. */
const PAST_MS = 500;

/**
 * The last kills that the log still has, oldest first. Throws as {@link Kmsg} does.
 *
 * @param most how many of them
 */
export function readPastKills(most: number, path = KMSG): ReportedKill[] {
  const fd = open(path);
  const untilMs = performance.now() + PAST_MS;
  const parser = new KmsgKills();
  const kills: ReportedKill[] = [];
  try {
    for (const record of records(fd, Buffer.alloc(RECORD_BYTES))) {
      const kill = parser.take(record);
      if (kill !== null && kills.push(kill) > most) kills.shift();
      if (performance.now() > untilMs) break;
    }
  } finally {
    closeSync(fd);
  }
  return kills;
}

function open(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** Until there are no more for now. */
function* records(fd: number, buffer: Buffer): Generator<string> {
  for (;;) {
    let length: number;
    try {
      length = readSync(fd, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return; // nothing more
      if (code === 'EPIPE') continue; // overwritten before we read it; the next read goes on after the gap
      throw error;
    }
    if (length === 0) return;
    yield buffer.toString('utf8', 0, length);
  }
}
