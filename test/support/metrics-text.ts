/** Parses the text of a scrape. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Metrics {
  readonly samples: readonly Sample[];

  constructor(samples: readonly Sample[]) {
    this.samples = samples;
  }

  /** The samples of a name whose labels include `labels`. */
  select(name: string, labels: Readonly<Record<string, string>> = {}): Sample[] {
    return this.samples.filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  }

  /** The sum of the selected samples; 0 without any. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.select(name, labels).reduce((sum, { value }) => sum + value, 0);
  }
}

/** The number of operations on overlayfs in the overflow series, with those that are in no histogram. */
export function operationsInOverflow({ samples }: Metrics): number {
  const counted = samples.filter(
    ({ name, labels }) =>
      labels.otel_metric_overflow === 'true' &&
      /^floatie_overlayfs_\w+(_latency_us_count|_(errors|zero|async)_total)$/.test(name),
  );
  return counted.reduce((sum, { value }) => sum + value, 0);
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** @throws for a line that is neither a comment nor a sample */
export function parseMetrics(text: string): Metrics {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): Sample => {
      const [, name, inner = '', value] = LINE.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`This is no sample: ${line}`);
      const labels: Record<string, string> = {};
      for (const [, key = '', raw = ''] of inner.matchAll(LABEL)) {
        labels[key] = raw.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
      }
      return { name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) };
    });
  return new Metrics(samples);
}
