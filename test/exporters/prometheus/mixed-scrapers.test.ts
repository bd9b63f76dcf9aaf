import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CollectionResult, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Content } from '../../../src/exporters/prometheus/bodies.ts';
import { Scrapes } from '../../../src/exporters/prometheus/scrapes.ts';
import { nodeOf } from '../../support/collections.ts';

const KINDS = [
  '*/*',
  'application/openmetrics-text;version=1.0.0',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
];

test('200 scrapers of all formats share one collection, and those of one format its bytes', async () => {
  const gate = Promise.withResolvers<void>();
  let collections = 0;
  const producer = {
    async collect(): Promise<CollectionResult> {
      collections++;
      await gate.promise;
      return { resourceMetrics: nodeOf(3), errors: [] };
    },
  };
  const scrapes = new Scrapes({ timeoutMs: 10_000, producers: [producer], onError: assert.ifError });
  new MeterProvider({ readers: [scrapes.reader] });
  const asked = Array.from({ length: 200 }, () => scrapes.collection());
  gate.resolve();
  const contents = (await Promise.all(asked)).map((body, at): Content => {
    return body.contentFor({ accept: KINDS[at % KINDS.length] }, () => undefined);
  });
  assert.equal(collections, 1);
  assert.equal(new Set(contents.map(({ chunks }) => chunks)).size, KINDS.length);
  assert.equal(new Set(contents.map(({ headers }) => headers['content-type'])).size, KINDS.length);
});
