/** Everything that a neighbour can do to Floatie, at once. Floatie must live, answer scrapes, and count exactly. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, rmdirSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { createCgroup } from './cgroup.ts';
import { startWriter } from './churn.ts';
import { connectionsTo, GET } from './connections.ts';
import { fixture } from './fixtures.ts';
import { type Floatie, MAIN, startFloatie } from './floatie.ts';
import { type Metrics, parseMetrics } from './metrics-text.ts';
import { killsOf, limit, peakOf } from './oom.ts';
import { mountOverlay } from './overlay.ts';
import { folder } from './peers.ts';
import { createPidNamespace } from './pid-namespace.ts';

export interface Siege {
  readonly seconds: number;
  readonly cgroups: number;
  readonly kills: number;
  /** Whether slow readers and pipelining clients know the password of the port; who does not is told nothing. */
  readonly knows: boolean;
  /** How many scrapes may take more than two seconds. */
  readonly maxUnanswered: (scrapes: number) => number;
}

/** The limit of Floatie's memory. */
const LIMIT_MB = 128;
const WRITES = 'floatie_overlayfs_write_latency_us_count';
const SLOW_READERS = 500;
const PIPELINING = 200;
/** Requests that each of them sends at once. */
export const PIPELINED = 200;
const WRONG_PER_SECOND = 24;
const ANSWER_MS = 2000;
/** Attackers and the scraper have addresses of their own. */
const ATTACKER = '127.0.0.1';
const SCRAPER = '127.0.0.2';
const PASSWORD = 'secret';

/** What a slow reader and a pipelining client send. */
export function requestsOf(knows: boolean): { readonly slow: string; readonly pipelined: string } {
  const end = knows ? `\r\nAuthorization: ${authorization(PASSWORD)}\r\n\r\n` : '\r\n\r\n';
  const [slow, records] = ['/metrics', '/oom'].map((path) => GET(path).replace('\r\n\r\n', end)) as [string, string];
  return { slow, pipelined: records.repeat(PIPELINED) };
}

export async function siege({ seconds, cgroups, kills, knows, maxUnanswered }: Siege): Promise<string> {
  using home = folder({ 'web.yml': `basic_auth_users: {prometheus: ${bcrypt.hashSync(PASSWORD, 8)}}` });
  using overlay = mountOverlay();
  await using namespace = await createPidNamespace();
  await using limited = createCgroup('siege');
  limit(limited, LIMIT_MB);
  const id = randomBytes(32).toString('hex');
  await using watched = createCgroup('', `libpod-${id}.scope`);
  await using killed = createCgroup('', `libpod-${randomBytes(32).toString('hex')}.scope`);
  limit(killed, 8);
  await using crowd = createCgroup('crowd');
  const [program, args] = limited.wrap(process.execPath, MAIN);
  await using floatie = await startFloatie(
    ['--set', `exporters.prometheus.web_config_file=${join(home.path, 'web.yml')}`, ...namespace.only],
    { command: [program, ...args] },
  );
  const file = join(overlay.path, 'file');
  await using writer = startWriter(namespace);
  await using worker = startWriter(namespace);
  let written = 0;
  const work = async (): Promise<void> => {
    await worker.write(watched.path, 7, file);
    written += 7;
  };
  await work();

  // A machine with other work to do takes longer for everything.
  const answerMs = ANSWER_MS * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
  const begunMs = performance.now();
  const endMs = begunMs + 1000 * seconds;
  const isAlive = (): boolean => floatie.process.exitCode === null && floatie.process.signalCode === null;
  const isOver = (): boolean => performance.now() > endMs || !isAlive();
  /** Acts `count` times, evenly over the siege; fewer times on a machine that is too slow. */
  const spread = async (count: number, act: (at: number) => Promise<unknown>): Promise<number> => {
    let at = 0;
    for (; at < count && isAlive() && performance.now() < endMs + 60_000; at++) {
      await act(at);
      await sleep(Math.max(0, begunMs + ((at + 1) * 1000 * seconds) / count - performance.now()));
    }
    return at;
  };
  let refused = 0;
  const scrapes = { asked: 0, answered: 0, slowestMs: 0 };
  const clients = connectionsTo(floatie.url);
  using _ = clients;
  const { slow, pipelined } = requestsOf(knows);
  const done = await all([
    spread(cgroups, async (at) => {
      const path = join(crowd.path, `c${at}`);
      mkdirSync(path);
      await writer.write(path, 1, file);
      await writer.write(crowd.path, 0, file);
      rmdirSync(path);
    }),
    spread(kills, async (at) => {
      const [command, hogs] = killed.wrap(...namespace.enter, fixture('hog'), `hog.${at}`, '32');
      await once(spawn(command, hogs, { stdio: 'ignore' }), 'exit');
    }),
    spread(seconds * 5, work),
    spread(SLOW_READERS, () => clients.open(slow)),
    spread(PIPELINING, () => clients.open(pipelined)),
    spread(seconds * WRONG_PER_SECOND, async (at) => {
      void ask(floatie, ATTACKER, `guess ${at}`).then(
        ({ status }) => {
          if (status === 503) refused++;
        },
        () => undefined,
      );
    }),
    (async () => {
      while (!isOver()) {
        const begin = performance.now();
        scrapes.asked++;
        const answered = await ask(floatie, SCRAPER, PASSWORD, answerMs).then(
          ({ status }) => status === 200,
          () => false,
        );
        const tookMs = performance.now() - begin;
        scrapes.slowestMs = Math.max(scrapes.slowestMs, tookMs);
        if (answered && tookMs <= answerMs) scrapes.answered++;
        await sleep(Math.max(0, 1000 - tookMs));
      }
      return scrapes.asked;
    })(),
  ]).catch(async (error: unknown) => {
    // Who finds nobody at the port does not know why.
    await sleep(500);
    if (isAlive()) throw error;
    throw new Error(`it ended with ${endOf(floatie)}`, { cause: error });
  });
  await writer.leave(watched.path);
  await worker.leave(watched.path);
  const said = `${done[0]} cgroups, ${done[1]} kills, ${done[2]} rounds of work; ${scrapes.answered} of ${scrapes.asked} scrapes answered within ${(answerMs / 1000).toFixed(1)} s, the slowest in ${scrapes.slowestMs.toFixed(0)} ms`;
  assert.ok(isAlive(), `it ended with ${endOf(floatie)}: ${said}`);
  clients[Symbol.dispose]();
  const metrics = await last(floatie);
  assert.equal(metrics.sum(WRITES, { container_id: id }), written, `the writes of the watched container: ${said}`);
  const kernelKills = killsOf(killed);
  const counted = metrics.sum('floatie_oom_kills_total');
  const lost = metrics.sum('floatie_events_lost_total', { probe: 'oom' });
  assert.ok(
    kernelKills > 0 && counted === kernelKills,
    `${counted} kills are counted of ${kernelKills}, ${lost} lost: ${said}`,
  );
  assert.ok(metrics.sum('floatie_http_dropped_total') >= refused, `${refused} guesses were not heard: ${said}`);
  const unanswered = scrapes.asked - scrapes.answered;
  const dropped = metrics.select('floatie_http_dropped_total').map(({ labels, value }) => `${labels.reason} ${value}`);
  const report = `${said}; ${metrics.sum('process_cpu_seconds_total').toFixed(1)} s of CPU; dropped: ${dropped.join(', ')}; overflow ${metrics.sum('floatie_series_overflow_total')}; ${counted} kills, ${lost} events lost; ${(metrics.sum('process_resident_memory_bytes') / 1e6).toFixed(0)} MB, ${(peakOf(limited) / 1e6).toFixed(0)} MB at most of ${((LIMIT_MB << 20) / 1e6).toFixed(0)}`;
  assert.ok(unanswered <= maxUnanswered(scrapes.asked), report);
  return report;
}

/** How it ended, and what it said last. */
function endOf({ process: { exitCode, signalCode }, log }: Floatie): string {
  return `${exitCode ?? signalCode}, and said ${JSON.stringify(log.slice(-3))}`;
}

/** As Promise.all, but none goes on when that of another one has failed: what they use is gone then. */
async function all<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(works);
  return ended.map((work) => {
    if (work.status === 'rejected') throw work.reason;
    return work.value;
  });
}

async function last(floatie: Floatie): Promise<Metrics> {
  for (let attempt = 0; ; attempt++) {
    try {
      const { status, text } = await ask(floatie, SCRAPER, PASSWORD, 30_000);
      if (status === 200) return parseMetrics(text);
    } catch (error) {
      if (attempt === 10) throw error;
    }
    await sleep(500);
  }
}

const authorization = (password: string): string => `Basic ${Buffer.from(`prometheus:${password}`).toString('base64')}`;

async function ask(
  floatie: Floatie,
  localAddress: string,
  password: string,
  timeoutMs = ANSWER_MS,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  const agent = new Agent({ keepAlive: false });
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { authorization: authorization(password) };
  const sent = request(floatie.url, { localAddress, agent, headers, signal }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await Array.fromAsync(response)).toString();
  return { status: response.statusCode, text };
}
