import { test } from 'node:test';
import { missing } from '../support/requirements.ts';
import { siege } from '../support/siege.ts';

/** What is measured besides reads and writes doubles the series of a container, and takes more memory. */
const FEW = ['--set', 'receivers.overlayfs.operations=[read, write]'];

for (const [who, knows, limitMb, settings] of [
  ['who know the password', true, 160, []],
  ['who know the password', true, 128, FEW],
  ['who know no password', false, 128, []],
] as const) {
  const what = settings === FEW ? 'reads and writes' : 'everything';
  test(`for half a minute under all that neighbours ${who} can do, with ${limitMb} MB, it lives, answers and counts ${what} exactly`, {
    skip: missing('root', 'btf', 'pid namespaces'),
  }, async (context) => {
    // One of thirty is more than one of a hundred: the soak holds it to that.
    context.diagnostic(
      await siege({ seconds: 30, cgroups: 4000, kills: 100, knows, limitMb, settings, maxUnanswered: () => 1 }),
    );
  });
}
