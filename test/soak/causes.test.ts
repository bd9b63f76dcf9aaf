/** What operations wait for, again and again: test/live/causes.test.ts and cause-sums.test.ts at length. */
import { after, before, suite, test } from 'node:test';
import { assertSums } from '../support/cause-sums.ts';
import { lacksFullDisk } from '../support/full-disk.ts';
import { missing } from '../support/requirements.ts';
import { scaled } from '../support/scale.ts';
import { assertStaged, Observer } from '../support/staged.ts';
import { STAGES } from '../support/stages.ts';

const TIMES = 10;

suite('what operations wait for', { skip: lacksFullDisk ?? missing('root', 'btf', 'fuse') }, () => {
  let observer: Observer;
  before(async () => {
    observer = await Observer.start();
  });
  after(() => observer[Symbol.dispose]());

  for (const stage of STAGES) {
    for (let time = 1; time <= TIMES; time++) {
      test(`is ${stage.title}, ${time} of ${TIMES}`, (context) => assertStaged(stage, context, observer));
    }
  }
});

test('the time by cause is the whole time of 1,000,000 operations', {
  skip: missing('root', 'btf'),
}, async (context) => {
  context.diagnostic(await assertSums(scaled(1_000_000)));
});
