import { test } from 'node:test';
import { surviveChurn } from '../support/churn.ts';

test('5,000 cgroups that live for a moment are each told apart, and leave nothing behind', () => surviveChurn(5000));
