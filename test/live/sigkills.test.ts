/** What Floatie says of containers of a real runtime that are stopped. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { BASE, podman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

type Records = { readonly records: readonly Readonly<Record<string, unknown>>[] };

suite('podman stop', { skip: missing('root', 'btf') }, () => {
  test('of a container that ignores SIGTERM is a record that says so; of one that ends by it there is none', async () => {
    await using floatie = await startFloatie();
    const kills = async () => ((await (await fetch(new URL('/kills', floatie.url))).json()) as Records).records;
    using willing = startContainer('--network=none', BASE, 'sh', '-c', 'trap "exit 0" TERM; while :; do read x; done');
    using deaf = startContainer('--network=none', BASE, 'sh', '-c', 'sleep 1000; true');
    podman('stop', '--time', '5', willing.id);
    podman('stop', '--time', '1', deaf.id);
    const record = await eventually('the kill has a record', async () =>
      (await kills()).find(({ container_id }) => container_id === deaf.id),
    );
    assert.deepEqual([record.killer, record.victim_ns_pid, record.sigterm_ignored], ['runtime', 1, true]);
    assert.ok(Number(record.sigterm_before_ms) >= 1000, `${record.sigterm_before_ms} ms`);
    assert.match(
      String(record.explanation),
      /a container runtime: it did not end within \d+\.\d s of SIGTERM, which it ignored/,
    );
    const metrics = await floatie.scrape();
    assert.equal(metrics.sum('floatie_sigkills_total', { container_id: deaf.id, killer: 'runtime' }), 1);
    assert.equal(metrics.sum('floatie_sigkills_total', { container_id: willing.id, killer: 'runtime' }), 0);
    assert.deepEqual(
      (await kills()).filter(
        ({ container_id, killer }) => container_id === willing.id && killer !== 'pid_namespace_end',
      ),
      [],
    );
  });
});
