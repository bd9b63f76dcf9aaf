/** What the single executable is made of on this machine's architecture, or on the other one. */
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

export type Arch = 'x64' | 'arm64';

export interface Target {
  readonly arch: Arch;
  /** The executable of Node, of the version that runs this. */
  readonly node: string;
  /** The addon of ffi-rs. */
  readonly addon: string;
  /** The folders that its libraries and their licenses are below. */
  readonly root: string;
  /** The license of Node. */
  readonly nodeLicense: string;
  readonly compiler: readonly string[];
  readonly strip: string;
  /** Whether this machine can run it, which V8's code cache takes. */
  readonly isNative: boolean;
}

const MACHINES: Readonly<Record<Arch, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

export function isArch(name: string): name is Arch {
  return Object.hasOwn(MACHINES, name);
}

/** Fetches what it is made of, for another architecture than this machine's. */
export function targetFor(arch: Arch): Target {
  const isNative = arch === process.arch;
  const folder = isNative ? '.' : execFileSync('sh', ['scripts/single/foreign.sh', arch], { encoding: 'utf8' }).trim();
  const root = isNative ? '/' : join(folder, 'root');
  const [nodeLicense] = globSync(join(folder, `node_modules/{,node/node_modules/}node-linux-${arch}/LICENSE`));
  if (nodeLicense === undefined) throw new Error('Cannot find the license of Node: run npm rebuild node');
  return {
    ...{ arch, isNative, root, nodeLicense },
    node: isNative ? process.execPath : join(folder, `node_modules/node-linux-${arch}/bin/node`),
    addon: join(folder, `node_modules/@yuuang/ffi-rs-linux-${arch}-gnu/ffi-rs.linux-${arch}-gnu.node`),
    compiler: isNative ? ['clang'] : ['clang', `--target=${MACHINES[arch]}`, `--sysroot=${root}`],
    strip: isNative ? 'strip' : `${MACHINES[arch]}-strip`,
  };
}
