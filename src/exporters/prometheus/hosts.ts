/**
 * Protects against DNS rebinding: a web page's own name can point to 127.0.0.1, and a visitor's browser would then let
 * the page read Floatie's answers. So the Host header must name this machine.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { matches } from '../../settings/wildcard.ts';

/**
 * @param host the Host header with its port; undefined is allowed, since browsers always send it
 * @param allowed further names of this machine, with `*` and `?`
 */
export function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  const name = nameIn(host ?? '');
  // An address cannot be rebound, and browsers resolve localhost themselves.
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
