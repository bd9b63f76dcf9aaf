/** A fleet whose gateway is killed in the middle. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import { assertExact, createGateway, Fleet, nodesIn, startFleetDatabase, type Usage, usageOf } from './fleet.ts';
import { readRules } from './rules.ts';

/** A busy machine takes long. */
const PATIENCE_MS = 60_000;
const RULES = join(import.meta.dirname, '../../examples/fleet/rules.yml');

export interface FleetTest {
  readonly nodes: number;
  /** Of the exports. */
  readonly intervalMs: number;
  readonly seconds: number;
}

export function testFleet({ nodes, intervalMs, seconds }: FleetTest): void {
  test('loses no total when its gateway is killed and started again', async (context) => {
    await using database = await startFleetDatabase();
    await using gateway = await createGateway(database.url);
    await gateway.start();
    const fleet = await Fleet.create({ nodes, endpoint: gateway.endpoint, intervalMs });
    await using _stop = { [Symbol.asyncDispose]: () => fleet.stop() };
    await fleet.begin();
    const third = (seconds * 1000) / 3;
    await sleep(third);
    await eventually('every node has arrived', async () => (await nodesIn(database)) === nodes, PATIENCE_MS);
    // Of an interval in the middle of nothing else.
    const before = await usageOf(gateway, database);
    await sleep(intervalMs);
    const after = await usageOf(gateway, database);
    context.diagnostic(describeUsage(before, after, nodes));
    await gateway.kill();
    await sleep(third);
    await gateway.start();
    await sleep(third);
    for (const { expr, record } of readRules(RULES)) {
      const found = await database.query(expr);
      assert.ok(found.length > 0 && found.length <= 20, `${record}: ${found.length} series`);
    }
    fleet.rest();
    await assertExact(database, fleet, Math.max(PATIENCE_MS, 10 * intervalMs));
  });
}

function describeUsage(before: Usage, after: Usage, nodes: number): string {
  const cpuMs = (of: 'gateway' | 'database'): string => ((after[of].cpuMs - before[of].cpuMs) / nodes).toFixed(1);
  const { gateway, database } = after;
  const samples = Math.round((database.samples - before.database.samples) / nodes);
  return [
    `an export of a node: ${samples} samples, ${cpuMs('gateway')} ms of the gateway, ${cpuMs('database')} ms of the database`,
    `resident: gateway ${Math.round(gateway.residentMb)} MB, database ${Math.round(database.residentMb)} MB`,
    `on disk ${Math.round(database.diskMb)} MB of ${database.samples} samples`,
  ].join('; ');
}
