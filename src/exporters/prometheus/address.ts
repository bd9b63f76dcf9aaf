/** The peer of a connection, by its address. */
import { isIP, isIPv6 } from 'node:net';

/** An IPv4 address on a dual-stack socket. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/**
 * The network that a peer controls: one IPv4 address, or an IPv6 /64, the smallest network that is assigned.
 *
 * @param address undefined for a Unix socket
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

/** Whether the peer is on this machine, over TCP. A Unix socket does not count: no browser uses it. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = withoutZone(address).replace(MAPPED, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? '';
}
