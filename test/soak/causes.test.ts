/** What operations wait for, again and again: test/live/causes.test.ts and cause-sums.test.ts at length. */
import { suite, test } from 'node:test';
import { assertSums } from '../support/cause-sums.ts';
import { lacksFullDisk } from '../support/full-disk.ts';
import { missing } from '../support/requirements.ts';
import { assertStaged } from '../support/staged.ts';
import { STAGES } from '../support/stages.ts';

const TIMES = 10;

suite('what operations wait for', { skip: lacksFullDisk ?? missing('root', 'btf', 'fuse') }, () => {
  for (const stage of STAGES) {
    for (let time = 1; time <= TIMES; time++) {
      test(`is ${stage.title}, ${time} of ${TIMES}`, (context) => assertStaged(stage, context));
    }
  }
});

test('the time by cause is the whole time of 1,000,000 operations', {
  skip: missing('root', 'btf'),
}, async (context) => {
  context.diagnostic(await assertSums(1_000_000));
});
