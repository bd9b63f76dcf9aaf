/** One BPF program of an object, and the link that attaches it. */
import { check, checkPointer, LibbpfError } from '../errors.ts';
import { call, type Pointer } from '../functions.ts';
import { textOf } from './verifier.ts';

const LOG_BYTES = 1 << 20;

/** Offset of `recursion_misses` in `struct bpf_prog_info` (include/uapi/linux/bpf.h), and the length that includes it. */
const RECURSION_MISSES = 208;
const PROG_INFO_BYTES = 232;

export class BpfProgram {
  readonly name: string;
  readonly #pointer: Pointer;
  #link: Pointer | null = null;
  #detached = false;
  /** Of the loaded program, once it was asked for. */
  #fd: number | null = null;
  #log: Buffer | null = null;

  constructor(name: string, pointer: Pointer) {
    this.name = name;
    this.#pointer = pointer;
  }

  /** Before loading: takes in a program whose section says `?`, which is left out otherwise. */
  include(): void {
    this.#assertUsable();
    check(call('bpf_program__set_autoload', this.#pointer, true), `take in the program "${this.name}"`);
  }

  /** Before loading: the function to follow. Throws `ESRCH` where the kernel's BTF has none of that name. */
  follow(functionName: string): void {
    this.#assertUsable();
    const result = call('bpf_program__set_attach_target', this.#pointer, 0, functionName);
    check(result, `load "${this.name}" to follow "${functionName}"`, 'load');
  }

  /** Gives the verifier a buffer for its log. The buffer must stay in place until {@link takeLog}. */
  captureLog(): void {
    this.#assertUsable();
    this.#log = Buffer.alloc(LOG_BYTES);
    check(
      call('bpf_program__set_log_buf', this.#pointer, this.#log, LOG_BYTES),
      `capture the verifier's log of "${this.name}"`,
    );
  }

  /** Returns the verifier's log and frees its buffer. */
  takeLog(): string {
    const text = this.#log === null ? '' : textOf(this.#log);
    this.#log = null;
    return text;
  }

  /** Attaches the program where its section says. Throws {@link LibbpfError} with the kernel's reason. */
  attach(): void {
    this.#assertUsable();
    if (this.#link !== null) return;
    this.#link = checkPointer(call('bpf_program__attach', this.#pointer), `attach "${this.name}"`, 'attach');
  }

  /** Attaches the program to an event of tracefs. */
  attachToEvent(group: string, event: string): void {
    this.#assertUsable();
    const link = call('bpf_program__attach_tracepoint', this.#pointer, group, event);
    this.#link = checkPointer(link, `attach "${this.name}" to the event ${group}/${event}`, 'attach');
  }

  /** Detaches the program. Safe to call twice, and before {@link attach}. */
  detach(): void {
    this.#detached = true;
    if (this.#link === null) return;
    call('bpf_link__destroy', this.#link);
    this.#link = null;
  }

  /** How often the kernel skipped the program because it was running on that CPU already (0 before Linux 5.12). */
  recursionMisses(): number {
    this.#assertUsable();
    const info = Buffer.alloc(PROG_INFO_BYTES);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(PROG_INFO_BYTES);
    this.#fd ??= check(call('bpf_program__fd', this.#pointer), `find the loaded program "${this.name}"`);
    check(call('bpf_obj_get_info_by_fd', this.#fd, info, length), `ask the kernel about "${this.name}"`);
    return Number(info.readBigUInt64LE(RECURSION_MISSES));
  }

  #assertUsable(): void {
    if (this.#detached) throw new LibbpfError('EBADF', `Cannot use the program "${this.name}": it is detached`);
  }
}
