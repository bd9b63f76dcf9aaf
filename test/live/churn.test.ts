import { test } from 'node:test';
import { surviveChurn } from '../support/churn.ts';
import { missing } from '../support/requirements.ts';

test(
  '300 cgroups that live for a moment are each told apart, and leave nothing behind',
  {
    skip: missing('root', 'btf', 'pid namespaces'),
  },
  () =>
    // Compiling weighs more in a short run, and on a slow machine: some 15 to 21 %. What goes round in circles takes more.
    surviveChurn(300, 0.4),
);
