/** A page of metrics in each format, to the byte; protobuf is shown as a library reads it. `npm run golden` writes it anew. */
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { OPENMETRICS } from '../../src/exporters/prometheus/formats/openmetrics.ts';
import { PROTOBUF, PROTOBUF_WITH_CLASSIC } from '../../src/exporters/prometheus/formats/protobuf.ts';
import { TEXT } from '../../src/exporters/prometheus/formats/text.ts';
import { chunksOf } from '../support/collections.ts';
import { collection, counter, exponential, gauge, histogram } from '../support/metric-data.ts';
import { decodeFamilies } from '../support/metric-families.ts';

const owner = { cgroup: '/libpod_parent/libpod-ba03f1', 'container.id': 'ba03f1' };
const page = collection([
  histogram(
    'floatie_overlayfs_read_latency_us',
    [
      {
        attributes: owner,
        value: {
          ...{ sum: 1_234.5, count: 6, buckets: { boundaries: [1, 1024, 1_048_576], counts: [2, 3, 0, 1] } },
          ...{ exponential: exponential(3, -4, [2, 0, 0, 1, 2, ...new Array<number>(170).fill(0), 1]) },
        },
      },
    ],
    'us',
  ),
  counter('floatie_oom_kills_total', [{ value: 0 }, { attributes: { victim_comm: 'a "b"', ...owner }, value: 2 }]),
  gauge('floatie_memory_pressure_score', [{ attributes: { scope: 'host' }, value: 0.36 }]),
]);

suite('the page that is kept in', () => {
  for (const [file, format] of [
    ['page.txt', TEXT],
    ['page.openmetrics.txt', OPENMETRICS],
    ['page.protobuf.txt', PROTOBUF],
    ['page.protobuf-with-classic.txt', PROTOBUF_WITH_CLASSIC],
  ] as const) {
    test(`${file} is that of ${format.type}`, (context) => {
      const bytes = Buffer.concat(chunksOf(format, page));
      const isText = format === TEXT || format === OPENMETRICS;
      const text = isText
        ? `${bytes}`
        : `${JSON.stringify(decodeFamilies(bytes), null, 1)}\n${bytes.toString('hex')}\n`;
      context.assert.fileSnapshot(text, join(import.meta.dirname, file), { serializers: [String] });
    });
  }
});
