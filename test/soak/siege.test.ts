import { test } from 'node:test';
import { missing } from '../support/requirements.ts';
import { siege } from '../support/siege.ts';

test('for five minutes under all that neighbours can do, with 128 MB, it lives, answers and counts exactly', {
  skip: missing('root', 'btf', 'pid namespaces'),
}, async (context) => {
  const maxUnanswered = (scrapes: number): number => scrapes / 100;
  context.diagnostic(await siege({ seconds: 300, cgroups: 40_000, kills: 1000, knows: true, maxUnanswered }));
});
