import { test } from 'node:test';
import { missing } from '../support/requirements.ts';
import { siege } from '../support/siege.ts';

for (const [who, knows] of [
  ['who know the password', true],
  ['who know no password', false],
] as const) {
  test(`for half a minute under all that neighbours ${who} can do, with 128 MB, it lives, answers and counts exactly`, {
    skip: missing('root', 'btf', 'pid namespaces'),
  }, async (context) => {
    // One of thirty is more than one of a hundred: the soak holds it to that.
    context.diagnostic(await siege({ seconds: 30, cgroups: 4000, kills: 100, knows, maxUnanswered: () => 1 }));
  });
}
