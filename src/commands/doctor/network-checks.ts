/** Ports to listen on, and endpoints to export to. */
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename } from 'node:path';
import { exportersOf } from '../../config/exporters.ts';
import { endpointFrom } from '../../config/otlp-variables.ts';
import type { Config } from '../../config/schema.ts';
import { listenProblem } from '../../exporters/prometheus.ts';
import { type Check, type Finding, finding, findingOf, ok } from './check.ts';

const CONNECT_MS = 2000;
const LATER = 'start what should listen there, or correct the endpoint; Floatie starts without it, and tries again';

/** A line for each exporter of the pipeline. */
export async function exporters(config: Config): Promise<Check[]> {
  const listening: Server[] = [];
  const ports: Check[] = [];
  try {
    for (const { name, settings } of exportersOf(config, 'prometheus')) {
      // All are kept open until the last is, as they would be.
      ports.push({ name: `exporters.${name}`, ...(await listen(settings.host, settings.port, listening)) });
    }
  } finally {
    for (const server of listening) server.close();
  }
  const reached = (['otlp', 'otlphttp'] as const).flatMap((type) =>
    exportersOf(config, type).map(async ({ name, settings }) => ({
      name: `exporters.${name}`,
      ...(await reach(type, settings.endpoint)),
    })),
  );
  const debug = exportersOf(config, 'debug').map(({ name }) => ({
    name: `exporters.${name}`,
    ...ok('standard output'),
  }));
  return [...ports, ...(await Promise.all(reached)), ...debug];
}

async function listen(host: string, port: number, listening: Server[]): Promise<Finding> {
  const server = createServer();
  try {
    const opened = once(server, 'listening');
    server.listen({ host, port });
    await opened;
    listening.push(server);
    return ok(port === 0 ? `any port on ${host} is free` : `${host}:${port} is free`);
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    const owner = failure.code === 'EADDRINUSE' ? ownerOf(port) : null;
    const problem = findingOf('fail', listenProblem(failure, host, port));
    return owner === null ? problem : { ...problem, reason: `Cannot listen on ${host}:${port}: ${owner} does` };
  }
}

/** The process that listens on a TCP port, or null where /proc does not tell this one. */
export function ownerOf(port: number): string | null {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((file) => listeners(readOr(`/proc/net/${file}`), port)));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOr(`/proc/${pid}/fd/${fd}`));
      if (!links.some((link) => inodes.has(link))) continue;
      // The arguments may hold secrets; the program and its script do not.
      const [program = '', script = ''] = readOr(`/proc/${pid}/cmdline`).split('\0');
      return `${basename(program)}${script === '' || script.startsWith('-') ? '' : ` ${script}`} (pid ${pid})`;
    } catch {
      // Gone meanwhile, or not ours to look at.
    }
  }
  return null;
}

/** What links of descriptors to the sockets look like that listen on this port, from the text of /proc/net/tcp. */
export function listeners(table: string, port: number): string[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    const isIt = state === '0A' && Number.parseInt(local.split(':')[1] ?? '', 16) === port;
    return isIt ? [`socket:[${inode}]`] : [];
  });
}

async function reach(type: 'otlp' | 'otlphttp', configured: string): Promise<Finding> {
  const endpoint = configured === '' ? endpointFrom(process.env, type, 'METRICS') : configured;
  if (endpoint === null) return finding('unneeded', 'off: it has no endpoint');
  const place = placeOf(type, endpoint);
  if (place === null) return finding('unknown', `the endpoint ${redacted(endpoint)} has no host`);
  const where = `${place.host}:${place.port}`;
  const socket = connect(place);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return ok(`${where} takes connections`);
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return finding(
      'warn',
      `${where} takes no connection: ${name === 'AbortError' ? `no answer in ${CONNECT_MS} ms` : code}`,
      LATER,
    );
  } finally {
    socket.destroy();
  }
}

/** Where an endpoint is: gRPC may leave out the scheme, and its port is then 443. */
export function placeOf(type: 'otlp' | 'otlphttp', endpoint: string): { host: string; port: number } | null {
  const url = URL.parse(/^[a-z]+:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`);
  if (url === null || url.hostname === '') return null;
  const isPlainHttp = type === 'otlphttp' && url.protocol === 'http:';
  // The URL leaves out the port that is its scheme's own.
  const explicit = /:(\d+)(?:[/?#]|$)/.exec(endpoint.replace(/^[a-z]+:\/\//, ''))?.[1];
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(explicit ?? (isPlainHttp ? 80 : 443)) };
}

function redacted(endpoint: string): string {
  return endpoint.replace(/\/\/.*@/, '//…@');
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
