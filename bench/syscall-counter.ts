/** Counts this process' own system calls, without making any. */
import { BpfObject, Cells } from '../src/native/index.ts';
import { compileBpf } from './compile.ts';

/** As in count-syscalls.bpf.c. */
const MAX_SYSCALLS = 512;
const OTHER_THREADS = MAX_SYSCALLS;

export interface Calls {
  /** What the thread that runs JavaScript called: how often, by the call's number. */
  readonly mainThread: ReadonlyMap<number, number>;
  /** What V8's and libuv's threads called. */
  readonly otherThreads: number;
}

export class SyscallCounter implements Disposable {
  readonly #object: BpfObject;
  readonly #cells: Cells;

  static async start(): Promise<SyscallCounter> {
    return new SyscallCounter(BpfObject.open(await compileBpf('count-syscalls')));
  }

  private constructor(object: BpfObject) {
    this.#object = object;
    try {
      const pid = Buffer.alloc(4);
      pid.writeUInt32LE(process.pid);
      object.map('.rodata.config').setInitialValue(pid);
      const program = object.program('syscall_enter');
      object.load();
      this.#cells = new Cells(object.map('calls').memory((MAX_SYSCALLS + 1) * 8));
      program.attach();
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /** What `work` calls. */
  count(work: () => void): Calls {
    this.#cells.clear(0, MAX_SYSCALLS + 1);
    work();
    const counts = Array.from({ length: MAX_SYSCALLS + 1 }, (_, index) => this.#cells.at(index));
    const mainThread = counts
      .slice(0, MAX_SYSCALLS)
      .flatMap((count, nr): [number, number][] => (count > 0 ? [[nr, count]] : []));
    return { mainThread: new Map(mainThread), otherThreads: counts[OTHER_THREADS] ?? 0 };
  }

  [Symbol.dispose](): void {
    this.#object.close();
  }
}
