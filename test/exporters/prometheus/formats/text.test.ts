import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Document } from '../../../../src/exporters/prometheus/formats/document.ts';
import { TEXT } from '../../../../src/exporters/prometheus/formats/text.ts';
import { chunksOf, collections, nodeOf, stockText } from '../../../support/collections.ts';

suite('the text of a collection', () => {
  test("is that of OpenTelemetry's serializer, to the byte, whatever the collection has", () => {
    fc.assert(
      fc.property(collections, (collection) => {
        assert.deepEqual(Buffer.concat(chunksOf(TEXT, collection)), Buffer.from(stockText(collection)));
      }),
      { numRuns: 2000 },
    );
  });

  test('of a node with many containers is the same, too', () => {
    const collection = nodeOf(100);
    assert.equal(Buffer.concat(chunksOf(TEXT, collection)).toString(), stockText(collection));
  });

  test('comes in chunks of a bounded size', () => {
    const sizes = chunksOf(TEXT, nodeOf(100)).map(({ length }) => length);
    assert.ok(sizes.length > 30);
    assert.ok(Math.max(...sizes) < 32 << 10);
  });

  test('has the same chunks in whatever order they are asked for', () => {
    const chunks = chunksOf(TEXT, nodeOf(100));
    const document = new Document(TEXT, nodeOf(100));
    for (const at of [chunks.length - 1, 3, chunks.length, 0, 20, 3]) {
      assert.deepEqual(document.chunk(at), chunks[at] ?? null);
    }
  });
});
