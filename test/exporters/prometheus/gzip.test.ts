import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Gzip } from '../../../src/exporters/prometheus/gzip.ts';

/** Bytes that cannot be compressed, so that many chunks come out. */
function* noise(chunks: number, onChunk: (number: number) => void = () => undefined): Iterable<Buffer> {
  let state = 1;
  for (let number = 0; number < chunks; number++) {
    onChunk(number);
    yield Buffer.from(
      Uint32Array.from({ length: 4096 }, () => (state = Math.imul(state, 1_664_525) + 1_013_904_223)).buffer,
    );
  }
}

async function read(gzip: Gzip): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await gzip.chunk(0); chunk !== null; chunk = await gzip.chunk(chunks.length)) chunks.push(chunk);
  return gunzipSync(Buffer.concat(chunks));
}

suite('a compression', () => {
  test('has the same bytes for each of its readers', async () => {
    const gzip = new Gzip(noise(50), () => undefined);
    const expected = Buffer.concat([...noise(50)]);
    const bodies = await Promise.all([read(gzip), read(gzip), read(gzip)]);
    for (const body of [...bodies, await read(gzip)]) assert.deepEqual(body, expected);
  });

  test('goes no further than its fastest reader asks, and what is on the way', async () => {
    let made = 0;
    const gzip = new Gzip(
      noise(1000, () => made++),
      () => undefined,
    );
    await gzip.chunk(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(made < 50, `${made} of 1000 are made`);
    gzip.close();
  });

  test('counts what it keeps, and no longer what it took to make it', async () => {
    let held = 0;
    const gzip = new Gzip(noise(50), (bytes) => {
      held += bytes;
    });
    const taken = held;
    let kept = 0;
    for (let number = 0; ; number++) {
      const chunk = await gzip.chunk(number);
      if (chunk === null) break;
      kept += chunk.length;
      assert.equal(held, taken + kept);
    }
    assert.equal(held, kept);
  });

  test('that fails does so for all its readers, also for those who come later', async () => {
    const gzip = new Gzip(
      noise(50, (number) => {
        if (number === 40) throw new Error('cannot be written');
      }),
      () => undefined,
    );
    await Promise.all([1, 2].map(() => assert.rejects(read(gzip), /cannot be written/)));
    await assert.rejects(read(gzip), /cannot be written/);
  });

  test('that is closed ends', async () => {
    const gzip = new Gzip(noise(1000), () => undefined);
    await gzip.chunk(0);
    gzip.close();
    assert.equal(await gzip.chunk(900), null);
  });
});
