/** Ten nodes for seconds; test/soak has a hundred for ten minutes. */
import { suite } from 'node:test';
import { testFleet } from '../support/fleet-test.ts';

suite('a fleet of 10 nodes', () => testFleet({ nodes: 10, intervalMs: 3000, seconds: 9 }));
