/** Receives the datagrams of a Unix socket, which Node cannot. */
import { closeSync, rmSync } from 'node:fs';
import { DataType, load, open } from 'ffi-rs';
import { unixAddress } from '../../src/native/libc/datagram.ts';

const MAX_BYTES = 8192;
// AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC; MSG_DONTWAIT
const SOCKET = [1, 2 | 0o2000000, 0];
const MSG_DONTWAIT = 0x40;

export interface Receiver {
  /** All datagrams so far, each split into lines. */
  received(): string[][];
  [Symbol.dispose](): void;
}

/** @param path in systemd's form: a path, or `@` and an abstract name */
export function receiveDatagrams(path: string): Receiver {
  open({ library: 'libc', path: 'libc.so.6' });
  const fd = libc('socket', [DataType.I32, DataType.I32, DataType.I32], SOCKET);
  const address = unixAddress(path);
  const types = [DataType.I32, DataType.U8Array, DataType.I32];
  if (libc('bind', types, [fd, address, address.byteLength]) !== 0) throw new Error(`Cannot listen at ${path}`);
  const all: string[][] = [];
  return {
    received() {
      const bytes = Buffer.alloc(MAX_BYTES);
      const arguments_ = [fd, bytes, MAX_BYTES, MSG_DONTWAIT];
      for (;;) {
        const length = libc('recv', [DataType.I32, DataType.U8Array, DataType.I64, DataType.I32], arguments_);
        if (length < 0) return all;
        all.push(bytes.toString('utf8', 0, length).split('\n'));
      }
    },
    [Symbol.dispose]() {
      closeSync(fd);
      if (!path.startsWith('@')) rmSync(path, { force: true });
    },
  };
}

function libc(funcName: string, paramsType: DataType[], paramsValue: unknown[]): number {
  return load({ library: 'libc', funcName, retType: DataType.I32, paramsType, paramsValue }) as number;
}
