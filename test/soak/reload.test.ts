import { testReloads } from '../support/reloads.ts';

testReloads(100);
