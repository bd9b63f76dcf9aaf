/** What may follow system calls: each is attached for a while, one at a time. */
import { join } from 'node:path';
import { BpfObject } from '../src/native/index.ts';
import { compileBpf } from './compile.ts';
import { Floatie } from './floatie.ts';
import { Missing } from './missing.ts';
import { Program, run } from './program.ts';
import { sleep } from './stopping.ts';
import type { Tree } from './tree.ts';

export interface Attached extends AsyncDisposable {
  /** Reads on overlayfs that it has counted, where it can tell. */
  countedReads?(): Promise<number>;
}

/** Resolves when it is attached; disposing of what it gives detaches it. */
export type Attach = () => Promise<Attached>;

export async function attachNothing(): Promise<Attached> {
  return { async [Symbol.asyncDispose]() {} };
}

/** The programs of empty.bpf.c. */
export async function attachEmptyPair(): Promise<Attached> {
  const object = BpfObject.open(await compileBpf('empty'));
  try {
    const programs = [object.program('syscall_enter'), object.program('syscall_exit')];
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
