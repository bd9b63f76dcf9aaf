/**
 * The proxy for an endpoint by the environment: http_proxy, https_proxy, grpc_proxy and no_proxy, in lower or upper
 * case. An endpoint on this machine has no proxy.
 */
import { BlockList, isIP } from 'node:net';
import { diag } from '@opentelemetry/api';

export interface ProxyServer {
  /** May contain a user and a password: use {@link placeOf} in messages. */
  readonly url: URL;
  /** The variable with this URL. */
  readonly variable: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The first variable that is set counts. Over gRPC a proxy only tunnels, so the endpoint's scheme does not matter. */
const VARIABLES = {
  grpc: ['grpc_proxy', 'https_proxy', 'http_proxy', 'all_proxy'],
  'http:': ['http_proxy', 'all_proxy'],
  'https:': ['https_proxy', 'all_proxy'],
} as const;

export interface Endpoint {
  readonly url: URL;
  readonly port: number;
}

/**
 * @param by the transport of the export
 * @returns null without a proxy
 * @throws an Error for an unsupported proxy, such as SOCKS
 */
export function proxyFor(
  { url: endpoint, port }: Endpoint,
  by: 'grpc' | 'http',
  env: Env = process.env,
): ProxyServer | null {
  const names = VARIABLES[by === 'grpc' ? 'grpc' : endpoint.protocol === 'https:' ? 'https:' : 'http:'];
  const found = names.flatMap((name) => [name, name.toUpperCase()]).find((name) => Boolean(env[name]?.trim()));
  if (found === undefined || endpoint.hostname === '') return null;
  const host = endpoint.hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  if (isLoopback(host)) return null;
  const exceptions = [...(by === 'grpc' ? ['no_grpc_proxy', 'NO_GRPC_PROXY'] : []), 'no_proxy', 'NO_PROXY'];
  const list = exceptions.map((name) => env[name]).find((value) => Boolean(value?.trim())) ?? '';
  if (isExcepted(host, port, list)) return null;
  const text = env[found]?.trim() ?? '';
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  // gRPC does not support TLS to a proxy.
  const kinds = by === 'grpc' ? ['http:'] : ['http:', 'https:'];
  if (url === null || url.hostname === '' || !kinds.includes(url.protocol)) {
    throw new Error(`The proxy that ${found} names is not used: it must look like http://host:port`);
  }
  return { url, variable: found };
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
