/** ETags of answers that stay the same for a while: RFC 9110. */
import { randomBytes } from 'node:crypto';

/** Another process has other answers. */
const PROCESS = randomBytes(6).toString('base64url');
const numbers = new WeakMap<object, number>();
let last = 0;

/** @param content something that is replaced, and never changed, when the answer changes */
export function tagOf(content: object): string {
  const number = numbers.get(content) ?? ++last;
  numbers.set(content, number);
  return `"${PROCESS}-${number}"`;
}

/** @param header `If-None-Match` */
export function isKnown(tag: string, header: string | undefined): boolean {
  return (header ?? '').split(',').some((known) => known.trim().replace(/^W\//, '') === tag);
}
