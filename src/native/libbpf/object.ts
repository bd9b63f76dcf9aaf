/** One compiled BPF object: opened, configured, loaded, closed. Owns its `struct bpf_object`. */
import { withPackaged } from '../../program/packaged.ts';
import { check, checkPointer, LibbpfError } from '../errors.ts';
import { call, type Pointer } from '../functions.ts';
import { BpfMap } from './map.ts';
import { BpfProgram } from './program.ts';
import { lastUsefulLine } from './verifier.ts';

export class BpfObject {
  readonly #path: string;
  readonly #maps = new Map<string, BpfMap>();
  readonly #programs = new Map<string, BpfProgram>();
  #pointer: Pointer | null;

  private constructor(path: string, pointer: Pointer) {
    this.#path = path;
    this.#pointer = pointer;
  }

  /**
   * Opens a compiled object. Throws {@link LibbpfError} when the file or libbpf cannot be used.
   *
   * @param path from the root of the package, or absolute
   */
  static open(path: string): BpfObject {
    // libbpf's messages guess ("try raising ulimit -l" for every EPERM); the errors and the verifier's log say more.
    call('libbpf_set_print', null);
    const opened = withPackaged(path, (file) => call('bpf_object__open_file', file, null));
    return new BpfObject(path, checkPointer(opened, `open the BPF object ${path}`, 'open'));
  }

  /** The map of this name. Throws when the object has none. */
  map(name: string): BpfMap {
    return this.#member(this.#maps, name, () => {
      const found = call('bpf_object__find_map_by_name', this.#live(), name);
      return new BpfMap(name, checkPointer(found, `find the map "${name}" in ${this.#path}`));
    });
  }

  /** The program of this function name. Throws when the object has none. */
  program(name: string): BpfProgram {
    return this.#member(this.#programs, name, () => {
      const found = call('bpf_object__find_program_by_name', this.#live(), name);
      return new BpfProgram(name, checkPointer(found, `find the program "${name}" in ${this.#path}`));
    });
  }

  /**
   * Loads maps and programs into the kernel. If the verifier refuses a program that {@link program} returned before,
   * the error's `verifierLog` has the whole log, and its message the line with the reason.
   */
  load(): void {
    const pointer = this.#live();
    for (const program of this.#programs.values()) program.captureLog();
    const result = call('bpf_object__load', pointer);
    const logs = Array.from(this.#programs.values(), (program) => ({ name: program.name, log: program.takeLog() }));
    try {
      check(result, `load ${this.#path} into the kernel`, 'load');
    } catch (error) {
      const refused = logs.findLast(({ log }) => log !== '');
      if (!(error instanceof LibbpfError) || refused === undefined) throw error;
      throw new LoadError(error, refused.name, refused.log);
    }
  }

  get closed(): boolean {
    return this.#pointer === null;
  }

  /** Detaches and frees everything. Safe to call twice. */
  close(): void {
    if (this.#pointer === null) return;
    for (const program of this.#programs.values()) program.detach();
    for (const map of this.#maps.values()) map.invalidate();
    call('bpf_object__close', this.#pointer);
    this.#pointer = null;
  }

  #live(): Pointer {
    if (this.#pointer === null) throw new LibbpfError('EBADF', `Cannot use ${this.#path}: it is closed`);
    return this.#pointer;
  }

  #member<T>(known: Map<string, T>, name: string, find: () => T): T {
    const member = known.get(name) ?? find();
    known.set(name, member);
    return member;
  }
}

/** The verifier refused a program. */
export class LoadError extends LibbpfError {
  override name = 'LoadError';
  readonly program: string;
  readonly verifierLog: string;

  constructor(cause: LibbpfError, program: string, verifierLog: string) {
    super(cause.code, `${cause.message} (${lastUsefulLine(verifierLog)})`, { cause, step: cause.step });
    this.program = program;
    this.verifierLog = verifierLog;
  }
}
