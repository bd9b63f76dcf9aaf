/** Whoever may make cgroups can make more "containers" than anybody can measure. */
import { suite, test } from 'node:test';
import { surviveManyContainers } from '../support/many-containers.ts';
import { missing } from '../support/requirements.ts';

suite('20,000 empty cgroups that are called like containers', { skip: missing('root', 'btf', 'pressure') }, () => {
  test('cost a bounded memory, take the score from no other container, and are counted', () =>
    surviveManyContainers(20_000));
});
