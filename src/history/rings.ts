/** Columns of numbers over steps: the step that goes on, and the last {@link STEPS} ones. */
import { STEPS } from './schema.ts';

const RING = STEPS + 1;
/** How many columns there are room for at first, and at most. */
const FIRST = 8;
export const MAX_COLUMNS = 200;

export class Rings {
  /** Where a column begins, by name. */
  readonly #places = new Map<string, number>();
  #numbers = new Float32Array(FIRST * RING).fill(Number.NaN);

  /** @returns whether there was room for the column */
  add(name: string, step: number, value: number): boolean {
    const at = this.#at(name, step);
    if (at < 0) return false;
    const before = this.#numbers[at] ?? 0;
    this.#numbers[at] = (Number.isNaN(before) ? 0 : before) + value;
    return true;
  }

  /** @returns whether there was room for the column */
  set(name: string, step: number, value: number): boolean {
    const at = this.#at(name, step);
    if (at < 0) return false;
    this.#numbers[at] = value;
    return true;
  }

  /** null where nothing was set in that step. */
  get(name: string, step: number): number | null {
    const place = this.#places.get(name);
    const value = place === undefined ? Number.NaN : (this.#numbers[place + (step % RING)] ?? Number.NaN);
    return Number.isNaN(value) ? null : value;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Begins a step in the place of the oldest one. */
  clear(step: number): void {
    const slot = step % RING;
    for (const place of this.#places.values()) this.#numbers[place + slot] = Number.NaN;
  }

  get bytes(): number {
    return this.#numbers.byteLength;
  }

  /** The index of a number; -1 without room. */
  #at(name: string, step: number): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known + (step % RING);
    const place = this.#places.size * RING;
    if (this.#places.size >= MAX_COLUMNS) return -1;
    if (place === this.#numbers.length) {
      const larger = new Float32Array(Math.min(2 * place, MAX_COLUMNS * RING)).fill(Number.NaN);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#places.set(name, place);
    return place + (step % RING);
  }
}
