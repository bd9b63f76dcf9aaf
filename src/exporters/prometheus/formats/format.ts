/** How a collection is written for scrapers: in pieces, so that a large one is never in memory as a whole. */
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ByteWriter } from './byte-writer.ts';

export interface Format {
  /** The Content-Type. */
  readonly type: string;
  /**
   * The parts of the body, in order. Equal collections have equal bytes, whenever and however often they are written.
   *
   * @param collection is never changed
   */
  sections(collection: ResourceMetrics): Iterable<Section>;
}

/** Pieces in a row, such as the points of a metric. Each piece is written on its own, and is never divided. */
export interface Section {
  readonly pieces: number;
  /** What the first piece takes to be written, in steps; else it is done then. */
  prepare?(): Iterable<unknown>;
  /** @param piece from 0 on. Any piece can be written again at any time. */
  write(out: ByteWriter, piece: number): void;
}
