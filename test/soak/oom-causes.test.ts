/** The causes of OOM kills, each ten times, at many sizes and rates: what Floatie names is right, or unknown. */
import { after, before, suite, test } from 'node:test';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { CAUSES, TIMES, testCause } from '../support/oom-causes.ts';
import { missing } from '../support/requirements.ts';

suite(`${TIMES} OOM kills by`, { skip: missing('root', 'btf') }, () => {
  let floatie: Floatie;
  before(async () => {
    floatie = await startFloatie();
  });
  after(() => floatie.stop());

  for (const cause of CAUSES) {
    test(`${cause.cause} are named so, and never otherwise`, async (context) => {
      const lack = cause.lacks?.() ?? false;
      if (lack !== false) return context.skip(`this machine lacks ${lack}`);
      context.diagnostic(await testCause(floatie, cause, TIMES));
    });
  }
});
