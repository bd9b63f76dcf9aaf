import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { stateCause } from '../../../src/receivers/oom/cause.ts';

const MB = 1 << 20;
const LIMIT_MB = 64;

/** Samples `[seconds before the kill, MiB]`, oldest first. */
type Samples = readonly (readonly [seconds: number, megabytes: number])[];

function causeOf(samples: Samples, anonMb = 60): { cause: string; explanation: string } {
  const bytes = { anonBytes: anonMb * MB, fileBytes: (LIMIT_MB - anonMb) * MB, shmemBytes: 0, kernelBytes: 0 };
  return stateCause({
    scope: 'memcg',
    limit: { owner: 'self', limitBytes: LIMIT_MB * MB, usageBytes: LIMIT_MB * MB },
    memory: {
      kinds: { ...bytes, dirtyBytes: 0, unevictableBytes: 0 },
      holders: [],
      processes: 0,
      rssBytes: 0,
      isTruncated: false,
    },
    holders: [],
    victim: { cgroup: '/a' },
    past: { points: samples.map(([seconds, megabytes]) => ({ agoMs: seconds * 1000, bytes: megabytes * MB })) },
  });
}

/** One sample in ten seconds, to the second in the last fifteen. */
function sampled(seconds: number, usageAt: (secondsBefore: number) => number): Samples {
  const ages = Array.from({ length: seconds + 1 }, (_, second) => seconds - second);
  return ages.filter((age) => age > 0 && (age <= 15 || age % 10 === 0)).map((age) => [age, usageAt(age)]);
}

suite('how usage grew', () => {
  const rows: readonly (readonly [title: string, cause: string, samples: Samples, explanation: RegExp])[] = [
    [
      'evenly for five minutes',
      'leak',
      sampled(300, (age) => LIMIT_MB - age * 0.2),
      /^Usage grew steadily for 300 s, by 205 KiB\/s, from 4\.0 MiB to 64\.0 MiB$/,
    ],
    ['evenly for 40 seconds', 'leak', sampled(40, (age) => LIMIT_MB - age * 1.5), /for 40 s, by 1\.5 MiB\/s/],
    [
      'at once, after it had stayed',
      'burst',
      sampled(120, (age) => (age > 4 ? 20 : 20 + (4 - age) * 11)),
      /^Usage jumped from 20\.0 MiB to 64\.0 MiB within 5 s, by 8\.8 MiB\/s; in the 115 s before, it did not change$/,
    ],
    [
      'at once, seen each ten seconds',
      'burst',
      [
        [68, 10],
        [58, 10],
        [48, 10],
        [38, 10],
        [28, 10],
        [18, 10],
        [8, 10],
      ],
      /within 8 s, by 6\.8 MiB\/s; in the 60 s before, it did not change$/,
    ],
    ['at once, a little after its start', 'burst', [[6, 2]], /^Usage jumped from 2\.0 MiB to 64\.0 MiB within 6 s$/],
    ['at once, right after its start', 'burst', [[2, 1]], /^Usage jumped from 1\.0 MiB to 64\.0 MiB within 2 s$/],
    ['slowly, in steps', 'leak', sampled(300, (age) => LIMIT_MB - Math.ceil(age / 20) * 4), /steadily/],
    ['hardly, since it was full all the time', 'unknown', sampled(300, () => 62), /^The memory was filled by/],
    ['once, long before', 'unknown', sampled(300, (age) => (age > 200 ? 10 : 63)), /^The memory was filled by/],
    ['up and down', 'unknown', sampled(300, (age) => 40 + 20 * Math.sin(age / 10)), /^The memory was filled by/],
    ['nobody knows', 'unknown', [], /^The memory was filled by/],
  ];
  for (const [title, cause, samples, explanation] of rows) {
    test(`${title}: ${cause}`, () => {
      const stated = causeOf(samples);
      assert.equal(stated.cause, cause, stated.explanation);
      assert.match(stated.explanation, explanation);
    });
  }

  test('tells a burst of the victim, where the kernel’s report is cut', () => {
    const kill = {
      scope: 'memcg',
      limit: { owner: 'self', limitBytes: 64 * MB, usageBytes: 64 * MB },
      memory: undefined,
      holders: [],
      victim: { cgroup: '/a' },
      past: { points: [{ agoMs: 5000, bytes: MB }] },
    } as const;
    assert.equal(stateCause({ ...kill, victimAnonBytes: 60 * MB }).cause, 'burst');
    assert.equal(stateCause({ ...kill, victimAnonBytes: 30 * MB }).cause, 'unknown');
  });

  test('tells nothing of memory that is mostly page cache', () => {
    assert.equal(
      causeOf(
        sampled(300, (age) => LIMIT_MB - age * 0.2),
        20,
      ).cause,
      'unknown',
    );
  });

  for (const [rateMb, seconds] of [
    [0.1, 300],
    [0.3, 200],
    [1, 60],
    [2, 30],
  ] as const) {
    test(`evenly at ${rateMb} MiB/s for ${seconds} s is a leak and no burst`, () => {
      assert.equal(causeOf(sampled(seconds, (age) => LIMIT_MB - age * rateMb)).cause, 'leak');
    });
  }
});
