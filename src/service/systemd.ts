/** What systemd hands over to a service, and what it is told: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). */
import { UnixDatagrams } from '../native/index.ts';
import type { Logger } from '../program/log.ts';
import { reasonOf } from '../program/reason.ts';

type Env = Record<string, string | undefined>;

/** What systemd says in variables that are for this process alone. */
export interface Handover {
  /** Where it listens to us; null: nowhere. */
  readonly notifySocket: string | null;
  /** How long we may say nothing, in ms; null: for ever. */
  readonly watchdogMs: number | null;
  /** Sockets that listen already, in the order of the unit. */
  readonly sockets: readonly ListeningSocket[];
}

export interface ListeningSocket {
  readonly fd: number;
  /** FileDescriptorName= of its unit, which is the name of that unit where it says none. */
  readonly name: string;
}

/** The first descriptor that is handed over. */
const SD_LISTEN_FDS_START = 3;

/** Takes what is meant for this process out of the environment, so that no child takes it for its own. */
export function takeHandover(env: Env, pid: number): Handover {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES = '' } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) {
    delete env[name];
  }
  const isOurs = (id: string | undefined): boolean => number(id) === pid;
  const watchdogUs = WATCHDOG_PID === undefined || isOurs(WATCHDOG_PID) ? number(WATCHDOG_USEC) : 0;
  const count = isOurs(LISTEN_PID) ? number(LISTEN_FDS) : 0;
  const names = LISTEN_FDNAMES.split(':');
  return {
    notifySocket: NOTIFY_SOCKET || null,
    watchdogMs: watchdogUs > 0 ? watchdogUs / 1000 : null,
    sockets: Array.from({ length: count }, (_, at) => ({ fd: SD_LISTEN_FDS_START + at, name: names[at] ?? '' })),
  };
}

/** Which exporter listens on which socket: the one of its name, else the first that has no exporter's name. */
export function assignSockets(
  exporters: readonly string[],
  sockets: readonly ListeningSocket[],
): Map<string, ListeningSocket> {
  const others = sockets.filter(({ name }) => !exporters.includes(name));
  const pairs = exporters.flatMap((exporter): [string, ListeningSocket][] => {
    const socket = sockets.find(({ name }) => name === exporter) ?? others.shift();
    return socket === undefined ? [] : [[exporter, socket]];
  });
  return new Map(pairs);
}

/** 0 for what is none. */
function number(text = ''): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** How often the status is looked at, in ms. */
const STATUS_MS = 10_000;

/** Tells systemd how the service is; nothing where nobody listens. */
export class Notifier {
  readonly #log: Logger;
  #socket: UnixDatagrams | null = null;
  readonly #timers: NodeJS.Timeout[] = [];
  #status = (): string => '';
  #told = '';

  constructor({ notifySocket, watchdogMs }: Pick<Handover, 'notifySocket' | 'watchdogMs'>, log: Logger) {
    this.#log = log;
    if (notifySocket === null) return;
    try {
      this.#socket = new UnixDatagrams(notifySocket);
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    this.#timers.push(setInterval(() => this.#refresh(), STATUS_MS).unref());
    // From the event loop, so that one that stands still is noticed.
    if (watchdogMs !== null) this.#timers.push(setInterval(() => this.#send('WATCHDOG=1'), watchdogMs / 2).unref());
  }

  /** @param status one line, for people; it is read again from time to time */
  ready(status: () => string): void {
    this.#status = status;
    this.#told = this.#describe();
    this.#send('READY=1', `STATUS=${this.#told}`);
  }

  /** {@link ready} says when it is done. */
  reloading(): void {
    this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#status = () => 'Stopping';
    this.#told = 'Stopping';
    this.#send('STOPPING=1', 'STATUS=Stopping');
  }

  /** Says nothing any more. Safe to call twice. */
  close(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #refresh(): void {
    const status = this.#describe();
    if (status === this.#told) return;
    this.#told = status;
    this.#send(`STATUS=${status}`);
  }

  /** Not knowing how it is must not end it. */
  #describe(): string {
    try {
      return this.#status();
    } catch (error) {
      return `Unknown: ${reasonOf(error)}`;
    }
  }

  #send(...assignments: string[]): void {
    try {
      this.#socket?.send(assignments.join('\n'));
    } catch (error) {
      // Its queue is full: the next one may find room.
      if ((error as { code?: unknown }).code !== 'EAGAIN') this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#log.warn(`systemd is not told how Floatie is: ${reasonOf(error)}`);
    this.close();
  }
}
