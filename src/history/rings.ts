/** Columns of numbers over the last steps. */

/** How many columns there are room for at first, and at most. */
const FIRST = 8;
export const MAX_COLUMNS = 200;

export class Rings {
  /** Where a column begins, by name. */
  readonly #places = new Map<string, number>();
  readonly #steps: number;
  #numbers: Float32Array;
  /** The last step with a number. The places of later ones still have those of a turn before. */
  #last = -1;

  /** @param steps how many there are, with the one that goes on */
  constructor(steps: number) {
    this.#steps = steps;
    this.#numbers = new Float32Array(FIRST * steps).fill(Number.NaN);
  }

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
    const place = step > this.#last ? undefined : this.#places.get(name);
    const value = place === undefined ? Number.NaN : (this.#numbers[place + (step % this.#steps)] ?? Number.NaN);
    return Number.isNaN(value) ? null : value;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  get names(): Iterable<string> {
    return this.#places.keys();
  }

  get bytes(): number {
    return this.#numbers.byteLength;
  }

  /** The index of a number; -1 without room. */
  #at(name: string, step: number): number {
    this.#begin(step);
    const known = this.#places.get(name);
    if (known !== undefined) return known + (step % this.#steps);
    const place = this.#places.size * this.#steps;
    if (this.#places.size >= MAX_COLUMNS) return -1;
    if (place === this.#numbers.length) {
      const larger = new Float32Array(Math.min(2 * place, MAX_COLUMNS * this.#steps)).fill(Number.NaN);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#places.set(name, place);
    return place + (step % this.#steps);
  }

  /** Clears the places of the steps since the last one with a number: most containers have none in most steps. */
  #begin(step: number): void {
    const end = this.#places.size * this.#steps;
    for (let next = Math.max(this.#last, step - this.#steps) + 1; next <= step; next++)
      for (let at = next % this.#steps; at < end; at += this.#steps) this.#numbers[at] = Number.NaN;
    this.#last = Math.max(this.#last, step);
  }
}
