/** A real Floatie whose clock is set while it runs: the process alone is told another time of day. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { type PointTimes, pointTimes } from '../support/otlp-times.ts';
import { missing } from '../support/requirements.ts';

const SET_CLOCK = fileURLToPath(new URL('../fixtures/set-clock.mjs', import.meta.url));
const HOUR = 3_600_000;
/** After this time old series were looked for once. */
const RETIRE_MS = 11_000;
const KILLS = 'floatie_oom_kills_total';

/** By how much the clock is off when Floatie starts, and then. */
const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  'set an hour back': [0, -HOUR],
  'set a day forward': [0, 24 * HOUR],
  'two hours slow at the start, until NTP sets it': [-2 * HOUR, 0],
};

suite('when the clock is', { skip: missing('root', 'btf') }, () => {
  for (const [step, [atStart, then]] of Object.entries(STEPS)) {
    test(`${step}, kills are told at once, their series stay, and all times are right`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'floatie-clock-'));
      const file = join(folder, 'shift');
      const setClock = (shiftMs: number): void => writeFileSync(file, String(shiftMs));
      setClock(atStart);
      await using sink = await startSink();
      try {
        await using floatie = await startFloatie(
          [
            ...['--set', `exporters.otlphttp.endpoint=${sink.url}`, '--set', 'exporters.otlphttp.interval_ms=300'],
            ...['--set', 'exporters.otlphttp.timeout_ms=300', '--set', 'receivers.oom.retain_ms=3600000'],
            ...['--set', 'service.pipelines.metrics.exporters=[prometheus,otlphttp]'],
          ],
          { env: { CLOCK_FILE: file }, command: [process.execPath, '--import', SET_CLOCK, MAIN] },
        );
        const [before, after] = [randomName(), randomName()];
        await kill(before);
        await toldOf(floatie, before);
        setClock(then);
        await kill(after);
        const record = await toldOf(floatie, after);
        assert.ok(Math.abs(Date.parse(String(record.time)) - Date.now() - then) < 10_000, String(record.time));
        await eventually('all times of an export are right', () => {
          const points = sink.last();
          return points.length > 0 && points.every(({ timeMs }) => Math.abs(timeMs - Date.now() - then) < 10_000);
        });
        for (const { metric, startMs, timeMs } of sink.last()) assert.ok(startMs <= timeMs, `${metric}: ${startMs}`);
        if (then > 0) await sleep(RETIRE_MS);
        const metrics = await floatie.scrape();
        for (const comm of [before, after]) assert.equal(metrics.sum(KILLS, { victim_comm: comm }), 1, comm);
        const started = metrics.sum('process_start_time_seconds') * 1000;
        assert.ok(Math.abs(started - Date.now() - then) < 120_000, `it started at ${started}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

/** Letters alone: numbers that count up are left out of names. */
function randomName(): string {
  return Array.from(randomBytes(12), (byte) => String.fromCharCode(97 + (byte % 26))).join('');
}

async function kill(comm: string): Promise<void> {
  await using cgroup = createCgroup('clock');
  limit(cgroup, 16);
  await once(hog(cgroup, comm, 64), 'exit');
}

async function toldOf({ url }: Floatie, comm: string): Promise<Readonly<Record<string, unknown>>> {
  return eventually(
    `the kill of ${comm} is told`,
    async () => {
      const response = await fetch(new URL('/oom', url));
      const { records } = (await response.json()) as { records: Record<string, unknown>[] };
      return records.find(({ victim_comm, read_from }) => victim_comm === comm && read_from === undefined);
    },
    5000,
  );
}

/** Takes exports over HTTP. */
async function startSink(): Promise<{ readonly url: string; last(): readonly PointTimes[] } & AsyncDisposable> {
  let last: readonly PointTimes[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    if (request.url?.endsWith('/v1/metrics')) last = pointTimes(body);
    response.setHeader('content-type', 'application/x-protobuf').end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    last: () => last,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
