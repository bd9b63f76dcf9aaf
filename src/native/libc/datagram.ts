/** Datagrams to a Unix socket, which Node does not support. */
import { closeSync } from 'node:fs';
import { errnoName, LibbpfError } from '../errors.ts';
import { call } from '../functions.ts';

// bits/socket.h, bits/socket_type.h
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** `sun_path` of `struct sockaddr_un`. */
const MAX_PATH_BYTES = 108;

export class UnixDatagrams {
  readonly #path: string;
  readonly #address: Buffer;
  readonly #fd: number;
  #closed = false;

  /** @param path a path, or `@` and the name of an abstract socket */
  constructor(path: string) {
    this.#path = path;
    this.#address = unixAddress(path);
    this.#fd = outcome(call('socket', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'create a socket');
  }

  /** Sends a datagram without waiting. Throws {@link LibbpfError} when nobody receives it. */
  send(text: string): void {
    const bytes = Buffer.from(text);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    outcome(
      call('sendto', this.#fd, bytes, bytes.byteLength, flags, this.#address, this.#address.byteLength),
      `send to ${this.#path}`,
    );
  }

  /** Safe to call twice. */
  close(): void {
    if (!this.#closed) closeSync(this.#fd);
    this.#closed = true;
  }
}

/** `struct sockaddr_un`: the family, then the path. An abstract name begins with NUL and has no NUL at its end. */
export function unixAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? path.replace('@', '\0') : `${path}\0`);
  if (!/^[/@]./s.test(path) || name.byteLength > MAX_PATH_BYTES) {
    throw new LibbpfError('EINVAL', `Cannot send to ${path}: it is no address of a Unix socket`);
  }
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name]);
}

function outcome({ value, errno }: { value: number; errno: number }, action: string): number {
  if (value < 0) throw new LibbpfError(errnoName(errno), `Cannot ${action}: ${errnoName(errno)}`);
  return value;
}
