/** The Prometheus endpoints. An endpoint whose place stays the same listens on over a reload. */
import { closeSync } from 'node:fs';
import { exportersOf } from '../config/exporters.ts';
import type { Config, Exporters } from '../config/schema.ts';
import { Clients, type DropReason } from '../exporters/prometheus/clients.ts';
import type { Scrapes } from '../exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint, type PrometheusOptions } from '../exporters/prometheus/server.ts';
import type { History } from '../history/history.ts';
import type { Health } from '../program/health.ts';
import { type Logger, withoutRepetition } from '../program/log.ts';
import type { Records } from '../records/records.ts';
import { assignSockets, type ListeningSocket } from './systemd.ts';

interface Place extends Pick<Exporters['prometheus'], 'host' | 'port' | 'web_config_file'> {
  /** The exporter's name. */
  readonly name: string;
  readonly socket: ListeningSocket | undefined;
}

interface Listening {
  readonly place: Place;
  readonly endpoint: PrometheusEndpoint;
  readonly url: string;
}

/** Endpoints that listen but do not answer yet. */
export interface Opened {
  /** Lets the endpoints answer, by exporter name, and closes endpoints that are not in this configuration. */
  use(scrapes: ReadonlyMap<string, Scrapes>): Promise<void>;
  /** Closes the new endpoints; the previous ones stay. */
  abandon(): Promise<void>;
}

const DROPPED: Readonly<Record<DropReason, string>> = {
  idle: 'the one that was idle for longest was closed for a new one',
  unread: 'the one whose answer was taken for longest was closed for a new one',
  slow: 'one that did not read its answer in time was closed',
  pipelined: 'one that sent many requests and read no answers was closed',
  passwords: 'a request was refused, since too many passwords of its address waited to be compared',
  busy: 'a request was refused, since too many answers are not read',
};

export class Endpoints {
  /** The clients of all endpoints. */
  readonly clients: Clients;
  readonly #answers: Pick<PrometheusOptions, 'readiness' | 'records' | 'history' | 'clients' | 'onScrape' | 'onError'>;

  readonly #log: Logger;
  readonly #sockets: Set<ListeningSocket>;
  #listening: readonly Listening[] = [];

  /** @param sockets systemd's sockets, which endpoints use instead of their host and port */
  constructor(
    {
      health,
      records,
      history,
    }: { readonly health: Health; readonly records: Records; readonly history: History | null },
    log: Logger,
    sockets: readonly ListeningSocket[],
  ) {
    const limited = withoutRepetition(log);
    this.clients = new Clients({
      onDrop: (reason) => limited.warn(`Connections to the port take too much: ${DROPPED[reason]}`),
    });
    this.#answers = {
      clients: this.clients,
      readiness: () => health.readiness(),
      records,
      history,
      onScrape: (ms) => health.scraped(ms),
      onError: (error) => health.collectFailed(error),
    };
    this.#log = log;
    this.#sockets = new Set(sockets);
  }

  /** The URL of the first endpoint's metrics; null without an endpoint. */
  get url(): string | null {
    return this.#listening[0]?.url ?? null;
  }

  /** Listens at all new places of the configuration. Throws when one cannot be opened; then nothing has changed. */
  async open(config: Config): Promise<Opened> {
    const next: Listening[] = [];
    const close = (those: readonly Listening[]) => Promise.all(those.map(({ endpoint }) => endpoint.stop()));
    const abandon = async (): Promise<void> => {
      await close(next.filter((one) => !this.#listening.includes(one)));
    };
    try {
      for (const place of this.#placesOf(config)) {
        next.push(this.#listening.find((one) => isSame(one.place, place)) ?? (await this.#listen(place)));
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    const exporters = exportersOf(config, 'prometheus');
    const allowedHosts = new Map(exporters.map(({ name, settings }) => [name, settings.allowed_hosts]));
    return {
      abandon,
      use: async (scrapes) => {
        for (const { place, endpoint } of next) {
          endpoint.serve(scrapes.get(place.name) ?? null, allowedHosts.get(place.name));
        }
        const gone = this.#listening.filter((one) => !next.includes(one));
        this.#listening = next;
        for (const { place } of gone) if (place.socket !== undefined) this.#sockets.delete(place.socket);
        await close(gone);
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#listening.map(({ endpoint }) => endpoint.stop()));
  }

  #placesOf(config: Config): Place[] {
    const exporters = exportersOf(config, 'prometheus');
    const names = exporters.map(({ name }) => name);
    const assigned = assignSockets(names, [...this.#sockets]);
    const taken = [...assigned.values()];
    for (const socket of this.#sockets) {
      if (taken.includes(socket)) continue;
      this.#log.warn(`There is no Prometheus endpoint for the socket "${socket.name}" of systemd`, { fd: socket.fd });
      this.#sockets.delete(socket);
      closeSync(socket.fd);
    }
    return exporters.map(({ name, settings: { host, port, web_config_file } }) => {
      return { name, host, port, web_config_file, socket: assigned.get(name) };
    });
  }

  async #listen(place: Place): Promise<Listening> {
    const { name, host, port, web_config_file: file, socket } = place;
    if (socket !== undefined) {
      const { fd, name: unit } = socket;
      this.#log.info('Listening on a socket of systemd instead of host and port', { exporter: name, socket: unit, fd });
    }
    // Loaded only where it is configured: TLS takes 4 MB.
    const web = file === '' ? null : new (await import('../exporters/prometheus/web.ts')).Web(file, this.#log);
    const endpoint = new PrometheusEndpoint({ host, port, socket, web, ...this.#answers });
    return { place, endpoint, url: await endpoint.start() };
  }
}

/** Port 0 is the same place only for the same exporter. */
function isSame(a: Place, b: Place): boolean {
  if (a.socket !== b.socket || a.web_config_file !== b.web_config_file) return false;
  if (a.socket !== undefined) return true;
  return a.host === b.host && a.port === b.port && (a.port !== 0 || a.name === b.name);
}
