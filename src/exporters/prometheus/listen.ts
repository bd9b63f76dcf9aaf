/** Errors of listening, with their cures. */
import { type Cause, Refusal } from '../../program/refusal.ts';

export function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Refusal {
  return new Refusal(`Cannot listen on ${host}:${port}`, causeOf(error, port), { cause: error });
}

function causeOf({ code, message }: NodeJS.ErrnoException, port: number): Cause {
  switch (code) {
    case 'EADDRINUSE': {
      const prometheus = port === 9090 ? ', perhaps Prometheus itself, whose own port this is' : '';
      const cure = 'choose another port: --set exporters.prometheus.port=9435';
      return { why: `another program does${prometheus}`, cure };
    }
    case 'EACCES':
      return {
        why: 'ports below 1024 need CAP_NET_BIND_SERVICE',
        cure: 'choose another: --set exporters.prometheus.port=9435',
      };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        why: 'this machine has no such address',
        cure: 'set exporters.prometheus.host to one it has, or to 0.0.0.0',
      };
    default:
      return { why: message };
  }
}

/** @param fd the descriptor by which systemd hands over the socket of this name */
export function cannotListenOn(name: string, fd: number, error: NodeJS.ErrnoException): Refusal {
  const what = `Cannot listen on the socket "${name}" that systemd hands over as descriptor ${fd}`;
  const cure = 'it must be a stream socket that listens: ListenStream= in its unit';
  return new Refusal(what, { why: String(error.code), cure }, { cause: error });
}
