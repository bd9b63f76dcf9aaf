/** The proxies in the environment: http_proxy, https_proxy, grpc_proxy and no_proxy, in lower or upper case. */
import type { Env } from './environment.ts';

export interface NamedProxy {
  readonly variable: string;
  /** A URL, or a host with a port. May contain a user and a password. */
  readonly value: string;
}

/** The first variable that is set counts. Over gRPC a proxy only tunnels, so the endpoint's scheme does not matter. */
const VARIABLES = {
  grpc: ['grpc_proxy', 'https_proxy', 'http_proxy', 'all_proxy'],
  http: ['http_proxy', 'all_proxy'],
  https: ['https_proxy', 'all_proxy'],
} as const;

/** By gRPC, or by the scheme of an endpoint over HTTP. */
export interface Proxies extends Readonly<Record<keyof typeof VARIABLES, NamedProxy | null>> {
  /** The lists of endpoints that need no proxy. */
  readonly exceptions: { readonly grpc: string; readonly http: string };
}

export function proxiesOf(env: Env): Proxies {
  const first = (...names: string[]): NamedProxy | null => {
    const variable = names.flatMap((name) => [name, name.toUpperCase()]).find((name) => Boolean(env[name]?.trim()));
    return variable === undefined ? null : { variable, value: env[variable]?.trim() ?? '' };
  };
  return {
    grpc: first(...VARIABLES.grpc),
    http: first(...VARIABLES.http),
    https: first(...VARIABLES.https),
    exceptions: {
      grpc: first('no_grpc_proxy', 'no_proxy')?.value ?? '',
      http: first('no_proxy')?.value ?? '',
    },
  };
}
