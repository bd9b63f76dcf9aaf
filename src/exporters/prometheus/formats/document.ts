/** A collection in one format, in chunks that are written when they are asked for, as often as they are. */
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { ByteWriter } from './byte-writer.ts';
import type { Format, Section } from './format.ts';

/** A chunk ends with the piece that reaches this size. */
const CHUNK_BYTES = 16 << 10;
/** The number of chunks that are kept for readers at the same place. */
const KEPT_CHUNKS = 8;

interface Place {
  readonly section: number;
  readonly piece: number;
}

export class Document {
  readonly type: string;
  readonly #sections: readonly Section[];
  /** Where each chunk begins, as far as that is known; behind the last chunk is the end of the sections. */
  readonly #begins: Place[] = [{ section: 0, piece: 0 }];
  /** The last chunks that were written, by number. */
  readonly #kept = new Map<number, Buffer>();

  constructor(format: Format, collection: ResourceMetrics) {
    this.type = format.type;
    this.#sections = Array.from(format.sections(collection)).filter(({ pieces }) => pieces > 0);
  }

  /** @returns null behind the last chunk. Throws what the format throws. */
  chunk(number: number): Buffer | null {
    const kept = this.#kept.get(number);
    if (kept !== undefined) return kept;
    while (this.#begins.length <= number && !this.#isEnd(this.#begins.at(-1))) this.#write(this.#begins.length - 1);
    if (this.#isEnd(this.#begins[number])) return null;
    return this.#write(number);
  }

  #isEnd(place: Place | undefined): boolean {
    return place === undefined || place.section === this.#sections.length;
  }

  #write(number: number): Buffer {
    let { section, piece } = this.#begins[number] ?? { section: 0, piece: 0 };
    out.clear();
    for (; section < this.#sections.length; section++, piece = 0) {
      const { pieces, write } = this.#sections[section] as Section;
      while (piece < pieces && out.length < CHUNK_BYTES) write(out, piece++);
      if (piece < pieces) break;
    }
    this.#begins[number + 1] ??= { section, piece };
    const chunk = out.take();
    this.#kept.set(number, chunk);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_CHUNKS && oldest !== undefined) this.#kept.delete(oldest);
    return chunk;
  }
}

/** Chunks are written one at a time. */
const out = new ByteWriter(2 * CHUNK_BYTES);
