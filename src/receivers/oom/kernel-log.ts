/** Reads OOM kills from the kernel's log, /dev/kmsg: new ones, and those from before the start. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { pageSize, seekToEnd } from '../../native/index.ts';
import { KmsgKills, type ReportedKill } from './kmsg.ts';

/** The longest record: Documentation/ABI/testing/dev-kmsg. */
const RECORD_BYTES = 8192;
const KMSG = '/dev/kmsg';

export class Kmsg {
  readonly #fd: number;
  readonly #record = Buffer.alloc(RECORD_BYTES);
  readonly #kills = new KmsgKills(pageSize());

  /** Opens the log at its end. Throws without CAP_SYSLOG, or when it does not exist. */
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

/** The time limit for reading earlier records, in ms: a fast writer could make the log endless. */
const PAST_MS = 500;

/**
 * The last kills in the log from before the start, oldest first. Throws as {@link Kmsg} does.
 *
 * @param most the limit of kills
 */
export function readPastKills(most: number, path = KMSG): ReportedKill[] {
  const fd = open(path);
  const untilMs = performance.now() + PAST_MS;
  const parser = new KmsgKills(pageSize());
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

/** All records until the current end of the log. */
function* records(fd: number, buffer: Buffer): Generator<string> {
  for (;;) {
    let length: number;
    try {
      length = readSync(fd, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return; // the end of the log
      if (code === 'EPIPE') continue; // records were overwritten; the next read continues after the gap
      throw error;
    }
    if (length === 0) return;
    yield buffer.toString('utf8', 0, length);
  }
}
