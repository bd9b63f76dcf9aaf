import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { suite, test } from 'node:test';
import { call } from '../../../src/native/functions.ts';
import { RingBuffer } from '../../../src/native/libbpf/ring-buffer.ts';
import { RingWatch } from '../../../src/native/libc/ring-watch.ts';

const POSITIONS = { producer: () => 0, consumer: () => 0, setConsumer: () => undefined };

/** An eventfd in place of a map: it is readable, too, once something is written to it. */
function ringBuffer() {
  const { value: fd } = call('eventfd', 0, 0);
  return {
    ring: new RingBuffer(new Uint8Array(16), 16, POSITIONS, fd),
    fill: () => assert.equal(call('write', fd, Buffer.of(1, 0, 0, 0, 0, 0, 0, 0), 8).value, 8),
    empty: () => assert.equal(call('read', fd, Buffer.alloc(8), 8).value, 8),
    close: () => closeSync(fd),
  };
}

suite('the wait for ring buffers', () => {
  test('ends when one of them has a record, each time', async () => {
    const [first, second] = [ringBuffer(), ringBuffer()];
    const watch = new RingWatch();
    for (const { ring } of [first, second]) watch.add(ring);
    for (const one of [first, second, first]) {
      const waiting = watch.wait();
      one.fill();
      assert.equal(await waiting, true);
      one.empty();
    }
    watch.close();
    for (const one of [first, second]) one.close();
  });

  test('goes on with one that is added meanwhile, and without one that is removed', async () => {
    const [added, removed] = [ringBuffer(), ringBuffer()];
    const watch = new RingWatch();
    watch.add(removed.ring);
    const waiting = watch.wait();
    watch.remove(removed.ring);
    removed.fill();
    watch.add(added.ring);
    added.fill();
    assert.equal(await waiting, true);
    added.empty();
    const second = watch.wait();
    watch.close();
    assert.equal(await second, false, 'the record of the removed one does not count');
    for (const one of [added, removed]) one.close();
  });

  test('goes on without one whose map is closed', async () => {
    const [closed, other] = [ringBuffer(), ringBuffer()];
    const watch = new RingWatch();
    for (const { ring } of [closed, other]) watch.add(ring);
    closed.close();
    const waiting = watch.wait();
    other.fill();
    assert.equal(await waiting, true);
    watch.close();
    other.close();
  });

  test('ends when it is closed, which may be done twice, and is over from then on', async () => {
    const watch = new RingWatch();
    const waiting = watch.wait();
    watch.close();
    watch.close();
    assert.equal(await waiting, false);
    assert.equal(await watch.wait(), false);
  });

  test('does not hold up the end of the process', () => {
    const script = `
      import { RingWatch } from ${JSON.stringify(new URL('../../../src/native/libc/ring-watch.ts', import.meta.url).href)};
      void new RingWatch().wait();
      setTimeout(() => process.exit(3), 50);`;
    const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { timeout: 20_000 });
    assert.equal(status, 3);
  });
});
