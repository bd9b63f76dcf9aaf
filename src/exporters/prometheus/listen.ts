/** Why an endpoint cannot listen, and the cure. */

/** The endpoint cannot listen; the message names the cure. */
export class ListenError extends Error {
  override name = 'ListenError';
}

/** What keeps it from listening, and the cure in parentheses. */
export function listenProblem({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  const where = `Cannot listen on ${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE': {
      const prometheus = port === 9090 ? ', perhaps Prometheus itself, whose own port this is' : '';
      return `${where}: another program does${prometheus} (choose another port: --set exporters.prometheus.port=9435)`;
    }
    case 'EACCES':
      return `${where}: ports below 1024 need CAP_NET_BIND_SERVICE (choose another: --set exporters.prometheus.port=9435)`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: this machine has no such address (set exporters.prometheus.host to one it has, or to 0.0.0.0)`;
    default:
      return `${where}: ${message}`;
  }
}
