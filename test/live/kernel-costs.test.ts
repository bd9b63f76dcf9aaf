/** What Floatie says it takes of the kernel, beside what bpftool says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { countPrograms, countsPrograms } from '../support/bpf-stats.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { heldBy } from '../support/kernel-objects.ts';
import { missing } from '../support/requirements.ts';

function bpftool(kind: 'prog' | 'map', held: readonly string[], field: string): number {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const objects = JSON.parse(execFileSync('bpftool', [kind, 'show', '-j'], { encoding: 'utf8', env })) as Record<
    string,
    number
  >[];
  const own = objects.filter(({ id }) => held.includes(`${kind} ${id}`));
  return own.reduce((sum, object) => sum + (object[field] ?? 0), 0);
}

suite('what Floatie takes of the kernel', { skip: missing('root', 'btf') }, () => {
  test('is the memory of its maps, and no time of programs while the kernel does not count it', async () => {
    await using floatie = await startFloatie();
    const metrics = await floatie.scrape();
    const bytes = bpftool('map', heldBy(Number(floatie.process.pid)), 'bytes_memlock');
    assert.equal(metrics.sum('floatie_bpf_map_memory_bytes'), bytes);
    if (!countsPrograms()) assert.deepEqual(metrics.select('floatie_bpf_program_seconds_total'), []);
  });

  test('is the time of its programs while the kernel counts it', async () => {
    using _ = countPrograms();
    await using floatie = await startFloatie();
    const metrics = await eventually('they have run', async () => {
      const now = await floatie.scrape();
      return now.sum('floatie_bpf_program_runs_total') > 0 && now;
    });
    const held = heldBy(Number(floatie.process.pid));
    // They ran on since the scrape.
    const runs = metrics.sum('floatie_bpf_program_runs_total');
    assert.ok(runs <= bpftool('prog', held, 'run_cnt'));
    const seconds = metrics.sum('floatie_bpf_program_seconds_total');
    assert.ok(seconds > 0 && seconds <= bpftool('prog', held, 'run_time_ns') / 1e9);
  });
});
