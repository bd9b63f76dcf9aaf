/**
 * The records of OOM kills as others read them: the log's line, the list at /oom and OTLP's log records, byte for byte.
 * Written anew where a change is meant: `GOLDEN=write node --test test/receivers/oom/golden.test.ts`.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite, type TestContext, test } from 'node:test';
import { ExportResultCode } from '@opentelemetry/core';
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import { emptyResource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { Identity } from '../../../src/containers/identity.ts';
import { createOtlpLogs } from '../../../src/exporters/otlp/logs.ts';
import { recordList } from '../../../src/exporters/prometheus/record-list.ts';
import { createLogger } from '../../../src/program/log.ts';
import type { OomVictim } from '../../../src/receivers/oom/events.ts';
import type { OomKill } from '../../../src/receivers/oom/kills.ts';
import type { ReportedKill } from '../../../src/receivers/oom/kmsg.ts';
import { describePastKills } from '../../../src/receivers/oom/past.ts';
import { describeKill } from '../../../src/receivers/oom/record.ts';
import { OOM_KILL } from '../../../src/receivers/oom/record-schema.ts';
import { flatten } from '../../../src/records/encode.ts';
import { holdClocks } from '../../support/clocks.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** A moment of CLOCK_MONOTONIC in ns. Doubles lose some ns after months of uptime: 0.4 ms more keep the same ms. */
const ago = (seconds: number): number => Number(process.hrtime.bigint()) - seconds * 1e9 + 4e5;

const task = (pid: number, comm: string, cgroup: bigint) => ({
  ...{ pid: pid + 1, tgid: pid, uid: 1000 + pid, comm, process: `${comm} "main"\\` },
  ...{ memoryCgroupId: cgroup, defaultCgroupId: cgroup + 100n },
});

const victim = (pid: number, comm: string, cgroup: bigint): OomVictim => ({
  ...task(pid, comm, cgroup),
  ...{ ownTgid: pid % 10, oomScoreAdj: -pid, anonBytes: 4096 * pid, fileBytes: 8192, shmemBytes: 12_288 },
  ...{ pageTableBytes: 5000, totalVmBytes: 2 ** 45 },
});

function identityOf(cgroup: bigint | string): Identity {
  if (cgroup === '/bare' || cgroup === 9n) return { cgroup: '/bare' };
  const letter = String(cgroup).at(-1) ?? '';
  return {
    ...{ cgroup: `/kubepods/pod${letter}/${letter.repeat(4)}`, containerId: letter.repeat(64) },
    ...{ podUid: `uid-${letter}`, runtime: 'docker' },
    names: {
      ...{ containerName: `name-${letter}`, imageName: `image-${letter}` },
      ...{ podName: `pod-${letter}`, podNamespace: `namespace-${letter}` },
    },
  };
}

const holder = (tgid: number, comm: string) => ({
  ...{ tgid, uid: 1000 + tgid, comm, rssBytes: 31, pageTableBytes: 4096, swapBytes: 6, oomScoreAdj: -tgid },
});

/** With every field but that of kills from before the start. */
function fullKill(): OomKill {
  const { anonBytes, fileBytes, shmemBytes, pageTableBytes, totalVmBytes, ...sharer } = victim(50, 'sharer', 9n);
  return {
    timeNs: ago(3),
    trigger: task(20, 'kworker/0:1', 2n),
    victim: victim(30, 'java\uFFFD é', 3n),
    members: [
      { ...victim(40, 'worker', 4n), reason: 'group' },
      { ...sharer, reason: 'shared_memory' },
      ...Array.from({ length: 100 }, () => ({ ...victim(60, 'same', 9n), reason: 'group' as const })),
    ],
    isGroup: true,
    scope: 'memcg',
    limit: {
      ...{ owner: 'ancestor', cgroup: 1n, limitBytes: 64, usageBytes: 60 },
      ...{ includesSwap: false, isTriggerOutside: true },
    },
    ...{ order: -1, gfpMask: 0x14_0cca, domainBytes: 2 ** 40 },
    memory: {
      kinds: {
        ...{ anonBytes: 40, fileBytes: 8, shmemBytes: 4, kernelBytes: 8, swapBytes: 12 },
        ...{ dirtyBytes: 3, unevictableBytes: 2 },
      },
      holders: [
        { ...holder(30, 'java\uFFFD é'), anonBytes: 28, fileBytes: 2, shmemBytes: 1 },
        holder(70, 'quiet "one"\\'),
      ],
      ...{ processes: 12, rssBytes: 70, isTruncated: true },
    },
  };
}

const unexplainedKill = (): OomKill => ({
  timeNs: ago(0),
  ...{ trigger: task(20, 'tail', 9n), victim: victim(30, 'tail', 9n), members: [], scope: 'unknown' },
});

function pastKills(): ReportedKill[] {
  const memory = { totalVmBytes: 5, anonBytes: 1, fileBytes: 2, shmemBytes: 3, pageTableBytes: 4 };
  const about = {
    ...{ timeNs: ago(60), comm: 'victim', uid: 1000, oomScoreAdj: -998 },
    trigger: { comm: 'asker', pid: 8 },
  };
  const limit = { limitBytes: 64, usageBytes: 65, includesSwap: true };
  const report = {
    constraint: 'memcg',
    victimCgroup: '/pod/5',
    limitCgroup: '/pod/6',
    limit,
    order: 0,
    gfpMask: 0xcc0,
  };
  return [
    { pid: 7, memcg: true, memory, report, about, chosenPid: 7 },
    { pid: 8, memcg: true, memory, about: { ...about, comm: 'member' }, chosenPid: 7 },
    { pid: 9, memcg: false, about: { timeNs: about.timeNs, comm: 'short' } },
    ...Array.from({ length: 101 }, () => ({ pid: 10, memcg: false, about, chosenPid: 9 })),
  ];
}

function seenKills() {
  const surroundings = {
    identityOf,
    cgroupIdOf: ({ memoryCgroupId }: { memoryCgroupId: bigint }) => memoryCgroupId,
    ownerOf: () => identityOf(7n),
    momentOf: () => ({
      ...{ host_pressure_score_60s: 0.07, pressure_score_60s: 99.5 },
      ...{ overlayfs_read_p99_us_60s: 4, overlayfs_write_p99_us_60s: 16 },
    }),
  };
  return [
    describeKill(fullKill(), surroundings),
    describeKill(unexplainedKill(), { ...surroundings, momentOf: () => ({}) }),
  ];
}

/** A list has the same member many times over: it is here once, with how often that was. */
function withoutRepetition(text: string): string {
  return text.replaceAll(/(\{[^{}]*\})((?:,\1)+)/g, (_, one: string, more: string) => {
    return `${one} and ${more.length / (one.length + 1)} more`;
  });
}

function hold(context: TestContext): void {
  const clocks = holdClocks(context);
  clocks.set(NOW_MS - clocks.nowMs);
}

function equalsGolden(name: string, text: string): void {
  const file = new URL(`golden/${name}`, import.meta.url);
  if (process.env.GOLDEN === 'write') writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}

suite('records of OOM kills are the same to the byte', () => {
  for (const format of ['text', 'json'] as const) {
    test(`in a log of ${format}`, (context) => {
      hold(context);
      const lines: string[] = [];
      const log = createLogger('warn', format, (line) => lines.push(line));
      for (const record of seenKills()) log.warn(OOM_KILL.title, flatten(record));
      equalsGolden(`log-${format}.txt`, withoutRepetition(lines.join('')));
    });
  }

  test('at /oom', (context) => {
    hold(context);
    const records = [...describePastKills(pastKills(), { identityOf, cgroup: '' }), ...seenKills()];
    equalsGolden('list.txt', withoutRepetition(recordList(records)));
  });

  test('in OTLP logs', async (context) => {
    hold(context);
    const sent: ReadableLogRecord[] = [];
    const exporter = {
      export(records: ReadableLogRecord[], done: (outcome: { code: ExportResultCode }) => void) {
        sent.push(...records);
        done({ code: ExportResultCode.SUCCESS });
      },
      shutdown: async () => undefined,
    };
    const logs = createOtlpLogs(exporter, {
      ...{ intervalMs: 1000, resource: emptyResource(), onExport: () => undefined },
    });
    for (const record of seenKills()) logs.emit(record);
    await logs.stop(1000);
    const request = JSON.parse(new TextDecoder().decode(JsonLogsSerializer.serializeRequest(sent)));
    const { logRecords } = request.resourceLogs[0].scopeLogs[0];
    const isRepeated = (value: unknown, at: number, all: readonly unknown[]): boolean =>
      at > 0 && JSON.stringify(value) === JSON.stringify(all[at - 1]);
    const text = JSON.stringify(
      logRecords,
      (_, value) => (Array.isArray(value) ? value.filter((one, at) => !isRepeated(one, at, value)) : value),
      1,
    );
    equalsGolden('otlp.txt', `${text}\n`);
  });
});
