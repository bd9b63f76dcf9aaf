/**
 * Which format a scraper gets: the first one of its Accept header that Floatie writes, by quality, as `Negotiate` of
 * github.com/prometheus/common/expfmt chooses; and plain text otherwise.
 */
import type { Format } from './format.ts';
import { OPENMETRICS, PUBLIC_OPENMETRICS } from './openmetrics.ts';
import { PROTOBUF, PROTOBUF_WITH_CLASSIC, PUBLIC_PROTOBUF, PUBLIC_PROTOBUF_WITH_CLASSIC } from './protobuf.ts';
import { TEXT } from './text.ts';

/** The rest of a longer header is not read. */
const MAX_RANGES = 32;

/** Such as `text/plain;version=0.0.4;q=0.5`. */
interface Range {
  /** In lower case. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** How an endpoint writes. */
export interface Manner {
  /** Native histograms have classic buckets besides. */
  readonly withClassic?: boolean;
  /** Exemplars have only what anyone may read. */
  readonly isPublic?: boolean;
}

/** @param accept the Accept header */
export function formatFor(accept: string | undefined, { withClassic = false, isPublic = false }: Manner = {}): Format {
  const formats = (accept ?? '')
    .split(',', MAX_RANGES)
    .map(rangeOf)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(formatOf);
  // Who knows plain text and no OpenMetrics is older than native histograms, and would find no buckets in them.
  if (formats.includes(TEXT) && !formats.includes(OPENMETRICS)) return TEXT;
  const best = formats.find((format) => format !== null) ?? TEXT;
  if (best === OPENMETRICS) return isPublic ? PUBLIC_OPENMETRICS : OPENMETRICS;
  if (best !== PROTOBUF) return best;
  if (withClassic) return isPublic ? PUBLIC_PROTOBUF_WITH_CLASSIC : PROTOBUF_WITH_CLASSIC;
  return isPublic ? PUBLIC_PROTOBUF : PROTOBUF;
}

function formatOf({ type, parameters }: Range): Format | null {
  const version = parameters.get('version');
  switch (type) {
    case 'application/vnd.google.protobuf': {
      const isOurs = parameters.get('proto') === 'io.prometheus.client.MetricFamily';
      return isOurs && parameters.get('encoding') === 'delimited' ? PROTOBUF : null;
    }
    case 'application/openmetrics-text':
      return version === undefined || version === '1.0.0' ? OPENMETRICS : null;
    case 'text/plain':
      return version === undefined || version === '0.0.4' ? TEXT : null;
    default:
      return null;
  }
}

function rangeOf(text: string): Range {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const [, name, value] = /^([^=\s]+)\s*=\s*"?([^"]*)"?$/.exec(part) ?? [];
    if (name !== undefined && value !== undefined) parameters.set(name.toLowerCase(), value);
  }
  return { type: type.toLowerCase(), parameters, quality: Number(parameters.get('q') ?? 1) };
}
