/** The formats of a scrape, by what a client asks for. */
import type { Answer } from './client.ts';
import type { Results } from './results.ts';

export interface Format {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The Content-Type of an answer in this format. */
  readonly type: string;
}

const TEXT = { accept: 'text/plain;version=0.0.4', type: 'text/plain' };
const OPEN_METRICS = { accept: 'application/openmetrics-text;version=1.0.0', type: 'application/openmetrics-text' };
const PROTOBUF_TYPE = 'application/vnd.google.protobuf';
const PROTOBUF = {
  accept: `${PROTOBUF_TYPE};proto=io.prometheus.client.MetricFamily;encoding=delimited`,
  type: PROTOBUF_TYPE,
};

export const FORMATS: readonly Format[] = [
  format('text', TEXT, 'identity'),
  format('text, gzip', TEXT, 'gzip'),
  format('OpenMetrics', OPEN_METRICS, 'identity'),
  format('protobuf', PROTOBUF, 'identity'),
  format('protobuf, gzip', PROTOBUF, 'gzip'),
];

function format(name: string, { accept, type }: { accept: string; type: string }, encoding: string): Format {
  return { name, type, headers: { accept, 'accept-encoding': encoding } };
}

/** Scrapes once in each format, and adds what it took of those that are offered. */
export async function scrapeAll(
  of: string,
  scrape: (headers: Format['headers']) => Promise<Answer>,
  results: Results,
): Promise<void> {
  for (const { name, headers, type } of FORMATS) {
    const answer = await scrape(headers);
    if (answer.type === type) {
      results.add(`a scrape: ${name}`, of, 'ms', answer.ms);
      results.add(`its size: ${name}`, of, 'kB', answer.bytes / 1000);
    } else results.note(`Not measured: ${of} does not offer ${name}: it answered with ${answer.type}`);
  }
}
