/** Ports to listen on, and endpoints to export to. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { basename } from 'node:path';
import { exportersOf, isOn } from '../../config/exporters.ts';
import type { Config } from '../../config/schema.ts';
import { type Connection, connectionOf, grpcDestination, httpDestination } from '../../exporters/otlp/connection.ts';
import { type ProxyServer, placeOf, proxyFor } from '../../exporters/otlp/proxy.ts';
import { cannotListen } from '../../exporters/prometheus/listen.ts';
import { type Check, type Finding, finding, findingOf, ok } from '../../program/check.ts';
import { linkOrNull, readOrNull } from '../../program/read-or-null.ts';

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
    exportersOf(config, type).map(async ({ name, settings }) => {
      const { inherited } = config;
      const found = isOn(settings, type, 'metrics', inherited)
        ? await reach(type, connectionOf(name, settings, inherited, undefined))
        : finding('unneeded', 'off: it has no endpoint');
      return { name: `exporters.${name}`, ...found };
    }),
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
    const problem = findingOf('fail', cannotListen(failure, host, port));
    return owner === null ? problem : { ...problem, reason: `Cannot listen on ${host}:${port}: ${owner} does` };
  }
}

/** The process that listens on a TCP port, or null where /proc does not tell this one. */
export function ownerOf(port: number): string | null {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((file) => listeners(readOrNull(`/proc/net/${file}`) ?? '', port)));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOrNull(`/proc/${pid}/fd/${fd}`));
      if (!links.some((link) => link !== null && inodes.has(link))) continue;
      // The arguments may hold secrets; the program and its script do not.
      const [program = '', script = ''] = (readOrNull(`/proc/${pid}/cmdline`) ?? '').split('\0');
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

async function reach(type: 'otlp' | 'otlphttp', connection: Connection): Promise<Finding> {
  const destination = (type === 'otlp' ? grpcDestination : httpDestination)(connection, 'metrics');
  const { url, port } = destination;
  const where = `${url.hostname}:${port}`;
  try {
    const proxy = proxyFor(destination, type === 'otlp' ? 'grpc' : 'http');
    const isTunnel = type === 'otlp' || url.protocol === 'https:';
    if (proxy === null) return await tryPlace(where, hostOf(url), port);
    const through = `${where} through the proxy ${placeOf(proxy)}`;
    if (isTunnel) return await tryTunnel(through, proxy, where);
    return await tryPlace(through, hostOf(proxy.url), portOf(proxy.url));
  } catch (error) {
    return finding(
      'warn',
      (error as Error).message,
      'correct that variable; without a proxy, add the host to NO_PROXY',
    );
  }
}

async function tryPlace(where: string, host: string, port: number): Promise<Finding> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return ok(`${where} accepts connections`);
  } catch (error) {
    return finding('warn', `${where} accepts no connection: ${reasonOfFailure(error)}`, LATER);
  } finally {
    socket.destroy();
  }
}

/** Asks the proxy for a connection, as an export does. */
async function tryTunnel(where: string, { url }: ProxyServer, target: string): Promise<Finding> {
  const { request } = await import(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const [name, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
  const headers = { host: target, ...(name !== '' && { 'proxy-authorization': authorization }) };
  const place = { host: hostOf(url), port: portOf(url) };
  const asked: ClientRequest = request({ ...place, method: 'CONNECT', path: target, headers, agent: false });
  asked.end();
  try {
    const [{ statusCode }] = (await Promise.race(
      ['connect', 'response'].map((event) => once(asked, event, { signal: AbortSignal.timeout(CONNECT_MS) })),
    )) as [IncomingMessage];
    if (statusCode === 200) return ok(`${where} accepts connections`);
    return finding('warn', `${where} accepts no connection: the proxy answers ${statusCode}`, LATER);
  } catch (error) {
    return finding('warn', `${where} accepts no connection: ${reasonOfFailure(error)}`, LATER);
  } finally {
    asked.destroy();
  }
}

function reasonOfFailure(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  return name === 'AbortError' ? `no answer in ${CONNECT_MS} ms` : (code ?? message);
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}
