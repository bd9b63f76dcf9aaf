import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Format } from '../../../../src/exporters/prometheus/formats/format.ts';
import { formatFor } from '../../../../src/exporters/prometheus/formats/negotiation.ts';
import { OPENMETRICS, PUBLIC_OPENMETRICS } from '../../../../src/exporters/prometheus/formats/openmetrics.ts';
import {
  PROTOBUF,
  PROTOBUF_WITH_CLASSIC,
  PUBLIC_PROTOBUF,
  PUBLIC_PROTOBUF_WITH_CLASSIC,
} from '../../../../src/exporters/prometheus/formats/protobuf.ts';
import { TEXT } from '../../../../src/exporters/prometheus/formats/text.ts';

const BINARY = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const OPEN = 'application/openmetrics-text';

const rows: [title: string, accept: string | undefined, expected: Format][] = [
  [
    'Prometheus 3 with native histograms gets protobuf',
    `${BINARY};q=0.6,${OPEN};version=1.0.0;escaping=allow-utf-8;q=0.5,${OPEN};version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
    PROTOBUF,
  ],
  [
    'Prometheus 3 without them gets OpenMetrics',
    `${OPEN};version=1.0.0;escaping=allow-utf-8;q=0.5,${OPEN};version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1`,
    OPENMETRICS,
  ],
  [
    'Prometheus 2.30, whose OpenMetrics is a draft, gets plain text',
    `${OPEN}; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    TEXT,
  ],
  [
    'Telegraf, which knows plain text and no OpenMetrics, gets the plain text that it got before',
    `${BINARY};q=0.7,text/plain;version=0.0.4;q=0.3`,
    TEXT,
  ],
  [
    'spaces and the case of a type change nothing',
    `Application/Vnd.Google.Protobuf ; Proto = io.prometheus.client.MetricFamily ; encoding = "delimited"`,
    PROTOBUF,
  ],
  [
    'protobuf in a form for people is not known',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text',
    TEXT,
  ],
  ['another message is not known', 'application/vnd.google.protobuf;proto=example.Other;encoding=delimited', TEXT],
  ['the higher quality counts, not the order', `${BINARY};q=0.2,${OPEN};q=0.9`, OPENMETRICS],
  ['of equal qualities the first one counts', `text/plain,${OPEN}`, TEXT],
  ['a quality of 0 means never', `${OPEN};q=0`, TEXT],
  ['a quality that is no number means never', `${OPEN};q=much`, TEXT],
  ['a browser gets plain text', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', TEXT],
  ['curl gets plain text', '*/*', TEXT],
  ['who accepts nothing in particular gets plain text', undefined, TEXT],
  ['an empty header is as none', '', TEXT],
  ['a header of nonsense is as none', ';;,=,q=,/;q=;', TEXT],
  ['only the first formats of a long list are read', `${'text/html,'.repeat(1000)}${OPEN}`, TEXT],
];

suite('the format by the Accept header', () => {
  for (const [title, accept, expected] of rows) {
    test(title, () => assert.equal(formatFor(accept), expected));
  }

  test('is the one with what anyone may read where anyone may read it', () => {
    assert.equal(formatFor(BINARY, { isPublic: true }), PUBLIC_PROTOBUF);
    assert.equal(formatFor(BINARY, { isPublic: true, withClassic: true }), PUBLIC_PROTOBUF_WITH_CLASSIC);
    assert.equal(formatFor(OPEN, { isPublic: true }), PUBLIC_OPENMETRICS);
    assert.equal(formatFor(undefined, { isPublic: true }), TEXT);
  });

  test('is protobuf with classic buckets besides where that is configured', () => {
    assert.equal(formatFor(BINARY, { withClassic: true }), PROTOBUF_WITH_CLASSIC);
    assert.equal(formatFor(OPEN, { withClassic: true }), OPENMETRICS);
  });
});
