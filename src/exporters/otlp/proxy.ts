/**
 * The proxy for an endpoint, of those in the environment. An endpoint on this machine has no proxy.
 */
import { BlockList, isIP } from 'node:net';
import { diag } from '@opentelemetry/api';
import type { Proxies } from '../../config/proxies.ts';

export interface ProxyServer {
  /** May contain a user and a password: use {@link placeOf} in messages. */
  readonly url: URL;
  /** The variable with this URL. */
  readonly variable: string;
}

export interface Endpoint {
  readonly url: URL;
  readonly port: number;
  readonly proxies: Proxies;
}

/**
 * @param by the transport of the export
 * @returns null without a proxy
 * @throws an Error for an unsupported proxy, such as SOCKS
 */
export function proxyFor({ url: endpoint, port, proxies }: Endpoint, by: 'grpc' | 'http'): ProxyServer | null {
  const found = proxies[by === 'http' && endpoint.protocol === 'https:' ? 'https' : by];
  if (found === null || endpoint.hostname === '') return null;
  const host = endpoint.hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  if (isLoopback(host)) return null;
  if (isExcepted(host, port, proxies.exceptions[by])) return null;
  const { variable, value: text } = found;
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  // gRPC does not support TLS to a proxy.
  const kinds = by === 'grpc' ? ['http:'] : ['http:', 'https:'];
  if (url === null || url.hostname === '' || !kinds.includes(url.protocol)) {
    throw new Error(`The proxy that ${variable} names is not used: it must look like http://host:port`);
  }
  return { url, variable };
}

/** {@link proxyFor}, with a warning and null for an unsupported proxy. */
export function usableProxyFor(endpoint: Endpoint, by: 'grpc' | 'http'): ProxyServer | null {
  try {
    return proxyFor(endpoint, by);
  } catch (error) {
    diag.warn(`${(error as Error).message}; exports go without it`);
    return null;
  }
}

/** A proxy's address and variable, for messages. */
export function placeOf({ url, variable }: ProxyServer): string {
  return `${url.protocol}//${url.host} (${variable})`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
for (const address of ['::1', '::']) LOOPBACK.addAddress(address, 'ipv6');
LOOPBACK.addAddress('0.0.0.0', 'ipv4');

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || includes(LOOPBACK, host);
}

function includes(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Entries of no_proxy: a host (with its subdomains), an address, a network (10.0.0.0/8) or `*`, each with an optional
 * port.
 */
function isExcepted(host: string, port: number, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const network = networkOf(entry);
      if (network !== null) return includes(network, host);
      const [, name = '', only] =
        /^(?:\[?([^\]]*?)\]?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
      if (only !== undefined && Number(only) !== port) return false;
      if (name === '*') return true;
      const domain = name.replace(/^\*?\.?/, '');
      return domain !== '' && (host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`)));
    });
}

function networkOf(entry: string): BlockList | null {
  const [, address = '', prefix] = /^\[?([^\]/]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(prefix) > (version === 4 ? 32 : 128)) return null;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), version === 4 ? 'ipv4' : 'ipv6');
  return list;
}
