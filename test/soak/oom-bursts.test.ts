/** A hundred OOM kills in bursts of ten, most of which the kernel does not report in full. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { missing } from '../support/requirements.ts';

const BURSTS = 10;
const MB = 1 << 20;
/** From the kill to the line of the log, in ms. */
const MAX_DELAY_MS = 1000;

suite(`${10 * BURSTS} OOM kills, ten at once`, { skip: missing('root', 'btf') }, () => {
  test('have a cause each or say what is missing, within a second', async (context) => {
    await using floatie = await startFloatie();
    const cgroups = Array.from({ length: 10 }, (_, at) => createCgroup('', `libpod-${String(at).repeat(64)}`));
    try {
      for (const cgroup of cgroups) limit(cgroup, 24);
      for (let burst = 0; burst < BURSTS; burst++) {
        await Promise.all(cgroups.map((cgroup) => once(hog(cgroup, `burst${burst}`, 64), 'exit')));
      }
      const lines = await eventually('all are in the log', () => {
        const kills = floatie.log.filter(({ message }) => message === 'OOM kill');
        return kills.length >= 10 * BURSTS && kills;
      });
      const sources = new Map<string, number>();
      for (const { cause, memory_source, explanation, usage_bytes, limit_bytes, anon_rss_bytes } of lines) {
        const row = `${cause} by ${memory_source ?? 'the victim alone'}`;
        sources.set(row, (sources.get(row) ?? 0) + 1);
        assert.match(
          String(explanation),
          cause === 'burst'
            ? /^Usage jumped/
            : /^(?:The memory was filled by|Neither a full report .* the victim held)/,
        );
        assert.ok(cause === 'burst' || cause === 'unknown', String(cause));
        assert.ok(Number(anon_rss_bytes) > 16 * MB);
        if (limit_bytes !== undefined) assert.ok(Number(usage_bytes) > 23 * MB);
      }
      const delays = lines.map(({ time, event_time }) => Date.parse(String(time)) - Date.parse(String(event_time)));
      context.diagnostic([...sources].map(([row, count]) => `${row}: ${count}`).join('; '));
      context.diagnostic(`the latest came after ${Math.max(...delays)} ms`);
      assert.ok(Math.max(...delays) <= MAX_DELAY_MS, `${delays}`);
    } finally {
      for (const cgroup of cgroups) await cgroup.remove();
    }
  });
});
