/** Who is at the other end of a connection, by its address. */
import { isIP, isIPv6 } from 'node:net';

/** IPv4 as a socket that listens to both versions shows it. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/**
 * What somebody has one of: an address of IPv4, but a network of 2^64 addresses of IPv6, the smallest that is given out.
 *
 * @param address undefined: of a Unix socket
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return 'unix';
  const plain = withoutZone(address).replace(MAPPED, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const groups = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, 8 - groups.flat().length)).fill('0');
  return `${[...(groups[0] ?? []), ...zeros, ...(groups[1] ?? [])].slice(0, 4).join(':')}::/64`;
}

/** Whether it is this machine itself; a Unix socket is, and no browser uses it. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = withoutZone(address).replace(MAPPED, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? '';
}
