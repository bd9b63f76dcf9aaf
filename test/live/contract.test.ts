/** The two sides of bpf/*.h agree, by what the compiler wrote into the objects. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BLOCK_POOL, RUN, SHARD_BLOCKS } from '../../src/receivers/blocks.ts';
import { CGROUP_PATH } from '../../src/receivers/cgroup-path.ts';
import { GRID } from '../../src/receivers/histograms.ts';
import { KILL_EVENT, KILL_MARK, KILLS_CONFIG, KILLS_COUNTERS } from '../../src/receivers/kills/events.ts';
import { OOM_CONFIG, OOM_COUNTERS, OOM_DECISION, OOM_EVENT } from '../../src/receivers/oom/events.ts';
import { CONFIG, COUNTERS } from '../../src/receivers/overlayfs/counts.ts';
import { SLOW_CONFIG, SLOW_COUNTERS, SLOW_EVENT } from '../../src/receivers/overlayfs/slow-events.ts';
import { RECLAIM_CONFIG, RECLAIM_COUNTERS } from '../../src/receivers/reclaim/counts.ts';
import { SLOT, SLOT_COUNTERS } from '../../src/receivers/slots.ts';

interface BtfType {
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly members?: readonly { readonly name: string; readonly bits_offset: number }[];
}

/** The kernel's `struct bpf_local_storage_elem` without the value, in bytes: 64 to a cache line, and a pointer. */
const STORAGE_ELEMENT = 72;

for (const architecture of ['x64', 'arm64']) {
  suite(`the compiled programs for ${architecture}`, () => {
    const layouts = {
      overlayfs: [
        CONFIG,
        COUNTERS,
        SLOW_CONFIG,
        SLOW_COUNTERS,
        SLOW_EVENT,
        GRID,
        SLOT,
        SLOT_COUNTERS,
        SHARD_BLOCKS,
        RUN,
        BLOCK_POOL,
      ],
      oom: [OOM_CONFIG, OOM_COUNTERS, OOM_DECISION, OOM_EVENT, CGROUP_PATH],
      kills: [KILLS_CONFIG, KILLS_COUNTERS, KILL_EVENT, KILL_MARK, CGROUP_PATH],
      reclaim: [RECLAIM_CONFIG, RECLAIM_COUNTERS, GRID, SLOT, SLOT_COUNTERS, SHARD_BLOCKS, RUN, BLOCK_POOL],
    };

    for (const [stem, layout] of Object.entries(layouts).flatMap(([stem, all]) =>
      all.map((layout) => [stem, layout] as const),
    )) {
      test(`struct ${layout.name} is laid out as TypeScript reads it`, () => {
        const object = new URL(`../../dist/bpf/${architecture}/${stem}.bpf.o`, import.meta.url);
        const type = readBtf(fileURLToPath(object)).find(({ kind, name }) => kind === 'STRUCT' && name === layout.name);
        assert.ok(type, `no struct ${layout.name}`);
        assert.equal(type.size, layout.size);
        assert.deepEqual(
          Object.fromEntries((type.members ?? []).map(({ name, bits_offset }) => [name, bits_offset / 8])),
          { ...layout.offsets },
        );
      });
    }

    test('the record of a thread and what the kernel adds fit into 512 bytes, which it charges to Floatie', () => {
      const object = new URL(`../../dist/bpf/${architecture}/overlayfs.bpf.o`, import.meta.url);
      const type = readBtf(fileURLToPath(object)).find(({ kind, name }) => kind === 'STRUCT' && name === 'thread');
      assert.ok(type?.size !== undefined && type.size + STORAGE_ELEMENT <= 512, `${type?.size} bytes`);
    });
  });
}

function readBtf(object: string): BtfType[] {
  const text = execFileSync('bpftool', ['btf', 'dump', 'file', object, '-j'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  return (JSON.parse(text) as { types: BtfType[] }).types;
}
