/** The kernel's own report of OOM kills, from /dev/kmsg: what no tracepoint tells is whose limit was hit. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { seekToEnd } from '../libbpf/index.ts';

export type OomScope = 'memcg' | 'global' | 'unknown';

export interface KmsgKill {
  readonly pid: number;
  readonly scope: OomScope;
}

const KILLED = /^(Memory cgroup out of memory|Out of memory[^:]*): Killed process (\d+) /;

/**
 * The kill that one record of /dev/kmsg reports, or null. mm/oom_kill.c, `__oom_kill_process`: this line is written
 * for every kill, while the longer report before it is rate-limited.
 *
 * @param record `priority,sequence,microseconds,flags;message`
 */
export function parseKmsg(record: string): KmsgKill | null {
  // The kernel's own records have a priority below 8; what programs write there has more.
  if (!/^[0-7],/.test(record)) return null;
  const [, what, pid] = KILLED.exec(record.slice(record.indexOf(';') + 1)) ?? [];
  if (what === undefined) return null;
  return { pid: Number(pid), scope: what.startsWith('Memory cgroup') ? 'memcg' : 'global' };
}

/** A record is at most this long, Documentation/ABI/testing/dev-kmsg. */
const RECORD_BYTES = 8192;

export class Kmsg {
  readonly #fd: number;
  readonly #record = Buffer.alloc(RECORD_BYTES);

  /** Opens the log at its end. Throws when this process may not read it (CAP_SYSLOG) or it is not there. */
  constructor(path = '/dev/kmsg') {
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      seekToEnd(this.#fd);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** The kills reported since the last call. */
  read(): KmsgKill[] {
    const kills: KmsgKill[] = [];
    for (;;) {
      try {
        const length = readSync(this.#fd, this.#record);
        if (length === 0) return kills;
        const kill = parseKmsg(this.#record.toString('utf8', 0, length));
        if (kill !== null) kills.push(kill);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') return kills; // nothing more
        if (code !== 'EPIPE') throw error; // EPIPE: overwritten before we read it; the next read goes on after the gap
      }
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
