/** A collection in one format, in chunks that are written when they are asked for, as often as they are. */
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { inSteps } from '../../../program/steps.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Format, Section } from './format.ts';

interface Chunking {
  /** A chunk ends with the piece that reaches this size. */
  readonly bytes: number;
  /** The number of chunks that are kept. */
  readonly kept: number;
}

/** For clients, of whom many are at about the same place. */
const SHARED: Chunking = { bytes: 8 << 10, kept: 8 };
/** For one reader, who is done with each chunk before it asks for the next. */
const PASSING: Chunking = { bytes: 64 << 10, kept: 0 };
/** About the memory that a document keeps for clients. */
export const SHARED_BYTES = SHARED.bytes * SHARED.kept;

interface Place {
  readonly section: number;
  readonly piece: number;
}

export class Document {
  readonly #sections: readonly Section[];
  readonly #chunking: Chunking;
  /** Where each chunk begins, as far as that is known; behind the last chunk is the end of the sections. */
  readonly #begins: Place[] = [{ section: 0, piece: 0 }];
  /** The last chunks that were written, by number. */
  readonly #kept = new Map<number, Buffer>();
  #prepared: Promise<void> | null = null;

  constructor(format: Format, collection: ResourceMetrics, chunking: Chunking = SHARED) {
    this.#sections = Array.from(format.sections(collection)).filter(({ pieces }) => pieces > 0);
    this.#chunking = chunking;
  }

  /** Call it before chunks, so that none of them takes long. Everything else has its turn meanwhile. */
  prepare(): Promise<void> {
    this.#prepared ??= inSteps(this.#preparing());
    return this.#prepared;
  }

  *#preparing(): Generator<unknown> {
    for (const section of this.#sections) yield* section.prepare?.() ?? [];
  }

  /** @returns null behind the last chunk. Throws what the format throws. */
  chunk(number: number): Buffer | null {
    const kept = this.#kept.get(number);
    if (kept !== undefined) return kept;
    while (this.#begins.length <= number && !this.#isEnd(this.#begins.at(-1))) this.#write(this.#begins.length - 1);
    const begin = this.#begins[number];
    return begin === undefined || this.#isEnd(begin) ? null : this.#write(number);
  }

  #isEnd(place: Place | undefined): boolean {
    return place?.section === this.#sections.length;
  }

  #write(number: number): Buffer {
    let { section, piece } = this.#begins[number] ?? { section: 0, piece: 0 };
    out.clear();
    for (; section < this.#sections.length; section++, piece = 0) {
      const points = this.#sections[section] as Section;
      while (piece < points.pieces && out.length < this.#chunking.bytes) points.write(out, piece++);
      if (piece < points.pieces) break;
    }
    this.#begins[number + 1] ??= { section, piece };
    const chunk = out.take();
    this.#kept.set(number, chunk);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#chunking.kept) break;
      this.#kept.delete(oldest);
    }
    return chunk;
  }
}

/** The chunks of a collection for one reader. */
export function* chunksOf(format: Format, collection: ResourceMetrics): Iterable<Buffer> {
  yield* chunksIn(new Document(format, collection, PASSING));
}

/** As {@link chunksOf}, while everything else has its turn. */
export async function* preparedChunksOf(format: Format, collection: ResourceMetrics): AsyncIterable<Buffer> {
  const document = new Document(format, collection, PASSING);
  await document.prepare();
  yield* chunksIn(document);
}

function* chunksIn(document: Document): Iterable<Buffer> {
  for (let number = 0; ; number++) {
    const chunk = document.chunk(number);
    if (chunk === null) return;
    yield chunk;
  }
}

/** One chunk is written at a time. */
const out = new ByteWriter(2 * PASSING.bytes);
