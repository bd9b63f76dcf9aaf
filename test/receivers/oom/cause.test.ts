import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type CauseFacts, type OomCause, stateCause } from '../../../src/receivers/oom/cause.ts';
import type { MemoryKinds, MemoryReport } from '../../../src/receivers/oom/kmsg-memory.ts';

const MB = 1 << 20;
const VICTIM = { cgroup: '/pod/app' };
const OTHER = { cgroup: '/pod/other' };

/** In MiB. */
function kinds(anon: number, file = 0, shmem = 0, kernel = 0, dirty = 0): MemoryKinds {
  const bytes = { anonBytes: anon * MB, fileBytes: file * MB, shmemBytes: shmem * MB, kernelBytes: kernel * MB };
  return { ...bytes, dirtyBytes: dirty * MB, unevictableBytes: 0 };
}

/** @param rss of each process, in MiB, the largest first */
function memory(of: MemoryKinds | undefined, rss: readonly number[] = [], changes: Partial<MemoryReport> = {}) {
  const holders = rss.slice(0, 10).map((megabytes, index) => ({
    ...{ tgid: index + 1, uid: 0, comm: `p${index + 1}`, rssBytes: megabytes * MB },
    ...{ pageTableBytes: 0, swapBytes: 0, oomScoreAdj: 0 },
  }));
  const rssBytes = rss.reduce((sum, megabytes) => sum + megabytes, 0) * MB;
  return { ...(of && { kinds: of }), holders, processes: rss.length, rssBytes, isTruncated: false, ...changes };
}

/** @param owners of the largest processes */
function facts(changes: Partial<CauseFacts>, owners: readonly (typeof VICTIM | undefined)[] = []): CauseFacts {
  const holders = (changes.memory?.holders ?? []).map((holder, index) => {
    const owner = owners[index];
    return { ...holder, ...(owner && { owner }) };
  });
  return { scope: 'memcg', limit: { owner: 'self' }, memory: undefined, holders, victim: VICTIM, ...changes };
}

const limit = (owner: 'self' | 'ancestor', limitMb: number, usageMb: number) => ({
  ...{ owner, limitBytes: limitMb * MB, usageBytes: usageMb * MB },
});
const shared = { limit: { owner: 'ancestor' as const } };
const fifty = Array.from({ length: 50 }, () => 1);

suite('the cause of an OOM kill is', () => {
  const rows: [string, OomCause, CauseFacts, RegExp][] = [
    ['a request by sysrq-f', 'sysrq', facts({ scope: 'sysrq' }), /sysrq-f/],
    ['a cpuset', 'cpuset', facts({ scope: 'cpuset' }), /NUMA nodes/],
    ['a memory policy', 'cpuset', facts({ scope: 'mempolicy' }), /memory policy/],
    ['the machine', 'node_pressure', facts({ scope: 'global', memory: memory(kinds(900, 50)) }), /900\.0 MiB/],
    ['the machine, without a report', 'node_pressure', facts({ scope: 'global' }), /no memory left$/],
    [
      'a limit that was lowered below what was used',
      'limit_lowered',
      facts({ limit: limit('self', 8, 24), memory: memory(kinds(24)) }),
      /lowered to 8\.0 MiB while 24\.0 MiB were used/,
    ],
    ['files in memory', 'tmpfs', facts({ memory: memory(kinds(20, 0, 40, 4)) }), /40\.0 MiB of 64\.0 MiB/],
    ['the kernel’s own memory', 'kernel_memory', facts({ memory: memory(kinds(20, 2, 2, 40)) }), /40\.0 MiB of 64/],
    [
      'files that are to be written',
      'page_cache_dirty',
      facts({ memory: memory(kinds(4, 60, 0, 0, 50)) }),
      /50\.0 MiB of 64/,
    ],
    [
      'another container below the same limit',
      'sibling',
      facts({ ...shared, memory: memory(kinds(60), [40, 10, 10]) }, [OTHER, VICTIM, OTHER]),
      /Processes of \/pod\/other held 50\.0 MiB/,
    ],
    [
      'many processes of about the same size',
      'many_processes',
      facts({ memory: memory(kinds(50), fifty) }),
      /50 processes .* "p1" \(1\), only 1\.0 MiB/,
    ],
  ];
  for (const [title, cause, of, explanation] of rows) {
    test(`${title} (${cause})`, () => {
      const stated = stateCause(of);
      assert.equal(stated.cause, cause);
      assert.match(stated.explanation, explanation);
    });
  }
});

suite('the cause of an OOM kill is unknown rather than wrong', () => {
  const rows: [string, CauseFacts][] = [
    ['without a report', facts({})],
    ['of unknown scope', facts({ scope: 'unknown', limit: undefined, memory: memory(kinds(1, 0, 60)) })],
    ['of one process with anonymous memory', facts({ memory: memory(kinds(60), [60]) })],
    ['of page cache that is written', facts({ memory: memory(kinds(4, 60, 0, 0, 2)) })],
    ['with usage a little above the limit', facts({ limit: limit('self', 64, 64.5), memory: memory(kinds(64), [64]) })],
    ['of 24 processes', facts({ memory: memory(kinds(24), fifty.slice(26)) })],
    ['of a large process among many', facts({ memory: memory(kinds(90), [40, ...fifty]) })],
    ['of many in a report that was cut', facts({ memory: memory(kinds(50), fifty, { isTruncated: true }) })],
    ['of a victim that is the largest', facts({ ...shared, memory: memory(kinds(70), [40, 30]) }, [VICTIM, OTHER])],
    [
      'of containers of about the same size',
      facts({ ...shared, memory: memory(kinds(70), [40, 30]) }, [OTHER, VICTIM]),
    ],
    [
      'where processes of unknown owners could be the victim’s',
      facts({ ...shared, memory: memory(kinds(70), [40, 30]) }, [OTHER, undefined]),
    ],
    ['by the victim’s own limit', facts({ memory: memory(kinds(60), [50, 10]) }, [OTHER, VICTIM])],
    ['less than half in files in memory', facts({ memory: memory(kinds(33, 0, 30, 1)) })],
    ['less than half in the kernel’s own memory', facts({ memory: memory(kinds(33, 0, 1, 30)) })],
  ];
  for (const [title, of] of rows) test(title, () => assert.equal(stateCause(of).cause, 'unknown'));

  test('and says what filled the memory all the same, whatever the process is called', () => {
    const report = memory(kinds(60, 1, 2, 3), [58]);
    const holders = report.holders.map((holder) => ({ ...holder, comm: 'a"\\ b' }));
    const { explanation } = stateCause(facts({ memory: report, holders }));
    assert.match(
      explanation,
      /^The memory was filled by 60\.0 MiB of anonymous memory, .*"a\\"\\\\ b" \(1\), held 58\.0 MiB$/,
    );
    assert.match(
      stateCause(facts({})).explanation,
      /^Neither a full report of the kernel.* nor a sample tells what filled/,
    );
    const { explanation: least } = stateCause(facts({ victimAnonBytes: 5 * MB }));
    assert.match(least, /; the victim held 5\.0 MiB of anonymous memory$/);
  });
});
