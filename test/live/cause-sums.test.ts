/** The time by cause is the whole time, whatever becomes of the threads. */
import { suite, test } from 'node:test';
import { assertSums } from '../support/cause-sums.ts';
import { missing } from '../support/requirements.ts';

suite('the time by cause', { skip: missing('root', 'btf') }, () => {
  test('is the whole time of 100,000 operations of 64 threads that move, while others are killed', async (context) => {
    context.diagnostic(await assertSums(100_000));
  });

  test('is the whole time of those operations that are counted, where there are more threads than are followed', async (context) => {
    context.diagnostic(await assertSums(20_000, 8));
  });
});
