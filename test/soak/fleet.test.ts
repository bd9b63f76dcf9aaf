/** A hundred nodes of 50 containers for ten minutes. */
import { suite } from 'node:test';
import { testFleet } from '../support/fleet-test.ts';

suite('a fleet of 100 nodes', () => testFleet({ nodes: 100, intervalMs: 30_000, seconds: 600 }));
