/**
 * Which proxy the environment names for an endpoint: http_proxy and its kin, in lower or upper case, with NO_PROXY. What
 * is on this machine needs none.
 */
import { BlockList, isIP } from 'node:net';
import { diag } from '@opentelemetry/api';

export interface ProxyServer {
  /** May hold a name and a password: {@link placeOf} is for people. */
  readonly url: URL;
  /** The variable that names it. */
  readonly variable: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The first that is set counts. Over gRPC a proxy only passes bytes on, whatever they are. */
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
 * @param by whether the endpoint is asked by gRPC or HTTP
 * @returns null where there is none
 * @throws an Error for a proxy of a kind that is not supported, such as one by SOCKS
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
  // To a proxy over TLS gRPC does not speak.
  const kinds = by === 'grpc' ? ['http:'] : ['http:', 'https:'];
  if (url === null || url.hostname === '' || !kinds.includes(url.protocol)) {
    throw new Error(`The proxy that ${found} names is not used: it must look like http://host:port`);
  }
  return { url, variable: found };
}

/** The same, without one that is not supported, which is told. */
export function usableProxyFor(endpoint: Endpoint, by: 'grpc' | 'http'): ProxyServer | null {
  try {
    return proxyFor(endpoint, by);
  } catch (error) {
    diag.warn(`${(error as Error).message}; exports go without it`);
    return null;
  }
}

/** Where a proxy is, for people. */
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

/** Entries are hosts, which stand for what is below them, too, addresses, networks (10.0.0.0/8) or `*`, maybe with a port. */
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
