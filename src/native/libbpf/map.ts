/** One BPF map of an object: sized before loading, written or shared afterwards. */
import { check, LibbpfError } from '../errors.ts';
import { call, type Pointer } from '../functions.ts';
import { shareMemory } from '../memory.ts';
import { mappedPositions, RingBuffer } from './ring-buffer.ts';

export class BpfMap {
  readonly name: string;
  #pointer: Pointer | null;
  #loadedFd: number | null = null;
  #memory: Buffer | null = null;
  #ring: RingBuffer | null = null;

  constructor(name: string, pointer: Pointer) {
    this.name = name;
    this.#pointer = pointer;
  }

  /** Before loading: how many entries the map holds. */
  setMaxEntries(entries: number): void {
    check(call('bpf_map__set_max_entries', this.#live(), entries), `give the map "${this.name}" ${entries} entries`);
  }

  /** Before loading: the contents of a global section such as `.rodata`. */
  setInitialValue(value: Buffer): void {
    check(call('bpf_map__set_initial_value', this.#live(), value, value.byteLength), `fill the map "${this.name}"`);
  }

  /** Before loading: replaces this map by a loaded one, which both objects then share. */
  reuse(loaded: BpfMap): void {
    check(call('bpf_map__reuse_fd', this.#live(), loaded.#fd()), `share the map "${this.name}"`);
  }

  /** Before loading: leaves the map out, for kernels that do not know its type. */
  skip(): void {
    check(call('bpf_map__set_autocreate', this.#live(), false), `leave out the map "${this.name}"`);
  }

  set(key: Buffer, value: Buffer): void {
    check(call('bpf_map_update_elem', this.#fd(), key, value, 0), `write to the map "${this.name}"`);
  }

  /** Appends to a queue, whose map type has no keys. */
  push(value: Buffer): void {
    check(call('bpf_map_update_elem', this.#fd(), null, value, 0), `push to the map "${this.name}"`);
  }

  /** Removes a key. Throws `ENOENT` when it is not there. */
  delete(key: Buffer): void {
    check(call('bpf_map_delete_elem', this.#fd(), key), `delete from the map "${this.name}"`);
  }

  /**
   * The map's memory, which the kernel changes at any time. `byteLength` is the size of all its values. Mapped once;
   * the mapping stays for the life of the process, since JavaScript may still hold a view.
   */
  memory(byteLength: number): Buffer {
    this.#memory ??= shareMemory(this.#fd(), { byteLength }, `the map "${this.name}"`);
    if (this.#memory.byteLength !== byteLength) {
      throw new RangeError(`The map "${this.name}" is already mapped with ${this.#memory.byteLength} bytes`);
    }
    return this.#memory;
  }

  /**
   * The map as a ring buffer of `byteLength` bytes. Mapped once, as {@link memory} is.
   *
   * @param pageBytes the page size of the machine
   */
  ringBuffer(byteLength: number, pageBytes: number): RingBuffer {
    if (this.#ring !== null) return this.#ring;
    const what = `the ring buffer "${this.name}"`;
    const consumer = shareMemory(this.#fd(), { byteLength: pageBytes }, what);
    // The producer's page, then the data pages. Only the kernel writes to them.
    const rest = { byteLength: pageBytes + 2 * byteLength, offset: pageBytes, writable: false };
    const producer = shareMemory(this.#fd(), rest, what);
    this.#ring = new RingBuffer(
      producer.subarray(pageBytes),
      byteLength,
      mappedPositions(consumer, producer),
      this.#fd(),
    );
    return this.#ring;
  }

  /** The object that owns the C side is closed. */
  invalidate(): void {
    this.#pointer = null;
  }

  #fd(): number {
    this.#live();
    this.#loadedFd ??= check(call('bpf_map__fd', this.#live()), `use the map "${this.name}" before it is loaded`);
    return this.#loadedFd;
  }

  #live(): Pointer {
    if (this.#pointer === null) throw new LibbpfError('EBADF', `Cannot use the map "${this.name}": it is closed`);
    return this.#pointer;
  }
}
