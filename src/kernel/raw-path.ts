/** Paths of cgroups. Names in the kernel are bytes, and need not be UTF-8. */
import { isUtf8 } from 'node:buffer';

/** A path in the kernel's bytes; a string where they are UTF-8. */
export type RawPath = string | Buffer;

export interface Place {
  /** The path below the mount, for people; `/` is the mount itself. Bytes that are no UTF-8 are replaced. */
  readonly path: string;
  readonly raw: RawPath;
  /** The path is too long: `path` is its nearest ancestor with a path, then `…`. */
  readonly isCut?: true;
}

export function placeAt(raw: RawPath): Place {
  return { path: raw.toString(), raw };
}

/** A place below an ancestor whose path is too long. */
export function placeDeepBelow(ancestor: Place): Place {
  const raw = joinRaw(ancestor.raw, '…');
  return { ...placeAt(raw), isCut: true };
}

/** @param bytes the path with one character for each byte (latin1) */
export function rawPath(bytes: string): RawPath {
  if (isAscii(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : buffer;
}

/** `/a` and `b`, or `/a` and `/b`: `/a/b`. */
export function joinRaw(folder: RawPath, name: RawPath): RawPath {
  if (typeof folder === 'string' && typeof name === 'string') return joinBytes(folder, name);
  return rawPath(joinBytes(bytesOf(folder), bytesOf(name)));
}

/** `/a/b`: `/a`; null for the root. */
export function parentOf(path: RawPath): RawPath | null {
  const bytes = typeof path === 'string' ? path : bytesOf(path);
  const end = bytes.lastIndexOf('/');
  if (end < 0 || bytes === '/') return null;
  const parent = bytes.slice(0, end) || '/';
  return typeof path === 'string' ? parent : rawPath(parent);
}

function joinBytes(folder: string, name: string): string {
  const start = folder.endsWith('/') ? folder.slice(0, -1) : folder;
  return name.startsWith('/') ? `${start}${name}` : `${start}/${name}`;
}

function bytesOf(path: RawPath): string {
  return Buffer.from(path).toString('latin1');
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a name can hold any byte but 0 and /
  return /^[\x00-\x7f]*$/.test(text);
}
