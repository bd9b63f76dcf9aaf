/** What may follow system calls: each is attached for a while, one at a time. */
import { join } from 'node:path';
import { findHierarchy } from '../src/containers/hierarchy.ts';
import { BpfObject } from '../src/native/index.ts';
import { type OverlayfsOptions, OverlayfsReceiver } from '../src/receivers/overlayfs/receiver.ts';
import { compileBpf } from './compile.ts';
import { Floatie } from './floatie.ts';
import { Missing } from './missing.ts';
import { Program, run } from './program.ts';
import { sleep } from './stopping.ts';
import type { Tree } from './tree.ts';

const OBJECTS = join(import.meta.dirname, `../dist/bpf/${process.arch}`);

export interface Attached extends AsyncDisposable {
  /** Reads on overlayfs that it has counted, where it can tell. */
  countedReads?(): Promise<number>;
}

/** Resolves when it is attached; disposing of what it gives detaches it. */
export type Attach = () => Promise<Attached>;

export async function attachNothing(): Promise<Attached> {
  return { async [Symbol.asyncDispose]() {} };
}

/** Programs of empty.bpf.c. */
export const attachEmptyPair = (): Promise<Attached> => attachEmpty('syscall_enter', 'syscall_exit');
export const attachEmptySwitch = (): Promise<Attached> => attachEmpty('task_switch');

async function attachEmpty(...names: string[]): Promise<Attached> {
  const object = BpfObject.open(await compileBpf('empty'));
  try {
    const programs = names.map((name) => object.program(name));
    for (const program of programs) program.include();
    object.load();
    for (const program of programs) program.attach();
  } catch (error) {
    object.close();
    throw error;
  }
  return {
    async [Symbol.asyncDispose]() {
      object.close();
    },
  };
}

/** The receiver alone, in this process. */
export async function attachReceiver(options: Pick<OverlayfsOptions, 'attach' | 'sleeps'>): Promise<Attached> {
  const receiver = await OverlayfsReceiver.start({
    boundsNs: Array.from({ length: 20 }, (_, power) => 1000 * 2 ** power),
    pidNsInum: 0,
    maxMapEntries: 1024,
    maxThreads: 32_768,
    cgroupVersion: findHierarchy().version,
    expireMs: 300_000,
    objects: OBJECTS,
    ...options,
  });
  return {
    async [Symbol.asyncDispose]() {
      receiver.stop();
    },
  };
}

export async function attachFloatie(tree: Tree, flags: readonly string[] = []): Promise<Attached> {
  const floatie = await Floatie.start(tree.dist(), flags);
  return {
    countedReads: () => floatie.reads(),
    [Symbol.asyncDispose]: () => floatie[Symbol.asyncDispose](),
  };
}

/** @param script one of this folder */
export async function attachBpftrace(script: string): Promise<Program> {
  const program = await Program.start('bpftrace', [join(import.meta.dirname, script)]);
  try {
    const [, probes] = await program.says(/Attaching (\d+) probes/);
    // It says so before it does so.
    while ((await attachedBy(program)) < Number(probes)) await sleep(50);
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
  return program;
}

async function attachedBy(program: Program): Promise<number> {
  if (program.hasEnded) throw new Missing(`bpftrace cannot run here: ${program.lastLine}`);
  const attached = JSON.parse(await run('bpftool', '-j', 'perf', 'show')) as { pid: number }[];
  return attached.filter(({ pid }) => pid === program.pid).length;
}
