/**
 * Which host a request may ask for. A web page can have its own name point to 127.0.0.1, and its visitor's browser then
 * takes what listens there for the page's own server (DNS rebinding): it would read the pages of Floatie to it.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { matches } from '../../settings/wildcard.ts';

/**
 * @param host as the request has it, with its port; a request without one is no browser's
 * @param allowed names that are this machine's as well, with `*` and `?`
 */
export function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  const name = nameIn(host ?? '');
  // An address cannot be pointed elsewhere, and browsers know where localhost is.
  if (name === '' || isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
  return [hostname(), ...allowed].some((own) => matches(own.toLowerCase(), name));
}

/** Without user, port, brackets and the root's dot. */
function nameIn(host: string): string {
  const [, bracketed, plain = ''] = /^(?:[^@]*@)?(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host.trim()) ?? [
    null,
    undefined,
    host,
  ];
  return (bracketed ?? plain).toLowerCase().replace(/\.$/, '');
}
