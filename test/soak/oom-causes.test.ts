/** The causes of OOM kills, each ten times, at many sizes and rates: what Floatie names is right, or unknown. */
import { after, before, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type Floatie, startFloatie } from '../support/floatie.ts';
import { CAUSES, TIMES, testCause } from '../support/oom-causes.ts';
import { missing } from '../support/requirements.ts';

/** An emulated machine takes long. */
const READY_MS = 120_000;

suite(`${TIMES} OOM kills by`, { skip: missing('root', 'btf') }, () => {
  let floatie: Floatie;
  before(async () => {
    floatie = await startFloatie();
    // To load the programs takes an emulated machine ten seconds, in which no memory is sampled.
    await eventually('it measures all', async () => (await fetch(new URL('/readyz', floatie.url))).ok, READY_MS);
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
