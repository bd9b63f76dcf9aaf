/** systemd's protocols: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). */
import { UnixDatagrams } from '../native/index.ts';
import type { Logger } from '../program/log.ts';
import { reasonOf } from '../program/reason.ts';

type Env = Record<string, string | undefined>;

/** systemd's variables for this process. */
export interface Handover {
  /** The socket for notifications, or null. */
  readonly notifySocket: string | null;
  /** The timeout of the watchdog, in ms; null without a watchdog. */
  readonly watchdogMs: number | null;
  /** Listening sockets, in the order of the unit. */
  readonly sockets: readonly ListeningSocket[];
}

export interface ListeningSocket {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit; by default the unit's name. */
  readonly name: string;
}

const SD_LISTEN_FDS_START = 3;

/** Reads systemd's variables and removes them from the environment, so that no child process uses them. */
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

/**
 * Assigns sockets to exporters: the socket with the exporter's name, else the first one without any exporter's name.
 */
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

function number(text = ''): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** How often the status is sent, in ms. */
const STATUS_MS = 10_000;

/** Notifies systemd of the service's state; does nothing without a socket. */
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
    // From the event loop, so that systemd notices a blocked one.
    if (watchdogMs !== null) this.#timers.push(setInterval(() => this.#send('WATCHDOG=1'), watchdogMs / 2).unref());
  }

  /** @param status returns one line for people; called periodically */
  ready(status: () => string): void {
    this.#status = status;
    this.#told = this.#describe();
    this.#send('READY=1', `STATUS=${this.#told}`);
  }

  /** The reload ends with {@link ready}. */
  reloading(): void {
    this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#status = () => 'Stopping';
    this.#told = 'Stopping';
    this.#send('STOPPING=1', 'STATUS=Stopping');
  }

  /** Ends all notifications. Safe to call twice. */
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

  /** An error while reading the status must not end the service. */
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
      // systemd's queue is full; the next notification may find room.
      if ((error as { code?: unknown }).code !== 'EAGAIN') this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#log.warn(`Cannot notify systemd: ${reasonOf(error)}`);
    this.close();
  }
}
