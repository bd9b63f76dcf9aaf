/** `floatie top`: what is wrong now, in a terminal. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportersOf } from '../config/exporters.ts';
import { load } from '../config/load.ts';
import { STEP_S } from '../history/schema.ts';
import { monotonicMs, wallMs } from '../program/clock.ts';
import { reasonOf } from '../program/reason.ts';
import { type Call, UsageError } from './command.ts';
import { loadTelling } from './configuration.ts';
import { Client, type Data, LISTS, Unreachable } from './top/client.ts';
import { type Model, press, START, type ViewName } from './top/model.ts';
import { listed, screen } from './top/screen.ts';
import { Terminal } from './top/terminal.ts';

const DEFAULT_INTERVAL_S = 1;
const [MIN_INTERVAL_S, MAX_INTERVAL_S] = [0.2, 3600];
/** Width where there is no terminal. */
const BATCH_COLUMNS = 160;
const RETRY_MS = 200;
/** Lines of the screen that are no containers. */
const LINES_OF_FRAME = 4;

export async function execute(call: Call): Promise<boolean> {
  const view = viewOf(call.operands[0]);
  const intervalMs = 1000 * intervalOf(call.flags.interval);
  const hasColors = hasColorsIn(call.sources.env ?? {});
  await using source = await connect(call);
  const { client } = source;
  if (call.json || call.flags.once === true || !process.stdout.isTTY || !process.stdin.isTTY) {
    const data = await firstNumbers(client, call.json);
    print(
      call.json ? `${JSON.stringify(jsonOf(data, view))}\n` : textOf(data, view, hasColors && process.stdout.isTTY),
    );
    return true;
  }
  await watch(client, { ...START, view }, intervalMs, hasColors);
  return true;
}

/** Of a Floatie that has just begun, there are none for a second or two. */
async function firstNumbers(client: Client, hasSeries: boolean): Promise<Data> {
  const deadlineMs = monotonicMs() + 2000 * STEP_S;
  for (;;) {
    const data = await client.ask(hasSeries);
    if (data.answer === null || data.answer.last_1m_s > 0 || monotonicMs() > deadlineMs) return data;
    await sleep(RETRY_MS);
  }
}

async function watch(client: Client, start: Model, intervalMs: number, hasColors: boolean): Promise<void> {
  let model = start;
  let data = await client.ask(false);
  let problem: string | null = null;
  const ended = Promise.withResolvers<void>();
  using terminal = new Terminal({
    key(key) {
      const ids = listed(data, model).map(({ id }) => id);
      const next = press(model, key, ids, Math.max(1, terminal.size.rows - LINES_OF_FRAME));
      if (next === 'quit') return ended.resolve();
      model = next;
      draw();
    },
    resize: draw,
    end: () => ended.resolve(),
  });
  function draw(): void {
    terminal.draw(screen(data, model, { ...terminal.size, hasColors }, wallMs(), problem));
  }
  draw();
  let timer: NodeJS.Timeout | undefined;
  const refresh = async (): Promise<void> => {
    try {
      data = await client.ask(false);
      problem = null;
    } catch (error) {
      problem = reasonOf(error); // the last numbers stay, and are said to be old
    }
    draw();
    timer = setTimeout(refresh, intervalMs);
  };
  timer = setTimeout(refresh, intervalMs);
  await ended.promise;
  clearTimeout(timer);
}

/** The Floatie of `--url`, else the one of the configuration, else one of its own where none runs. */
async function connect({ sources, flags }: Call): Promise<{ readonly client: Client } & AsyncDisposable> {
  const { url } = flags;
  const nothing = { [Symbol.asyncDispose]: async () => undefined };
  if (typeof url === 'string') return { client: clientOf(url), ...nothing };
  const client = clientOf(await urlOf(loadTelling(sources)));
  try {
    await client.ask();
    return { client, ...nothing };
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
  }
  const settings = ['host=127.0.0.1', 'port=0', 'web_config_file='].map((pair) => `exporters.prometheus.${pair}`);
  const set = [...(sources.set ?? []), ...settings, 'service.pipelines.metrics.exporters=[prometheus]'];
  const [{ startService }, { createLogger }] = await Promise.all([
    import('../service/service.ts'),
    import('../program/log.ts'),
  ]);
  // A line of the log would lie across the screen.
  const service = await startService(
    load({ ...sources, set }).config,
    createLogger('error', 'text', () => undefined),
  );
  return { client: clientOf(service.url ?? ''), [Symbol.asyncDispose]: () => service.stop() };
}

/** The URL of the first endpoint of a configuration. */
export async function urlOf(config: ReturnType<typeof loadTelling>): Promise<string> {
  const [first] = exportersOf(config, 'prometheus');
  if (first === undefined) throw new UsageError('No Prometheus endpoint is configured: --url names one');
  const { host, port, web_config_file: file } = first.settings;
  const tls = file === '' ? null : (await import('../exporters/prometheus/web-config.ts')).readWebConfig(file).tls;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${tls === null ? 'http' : 'https'}://${name}:${port}`;
}

/** Says nothing of the URL, which may have a password. */
export function clientOf(url: string): Client {
  try {
    return new Client(url);
  } catch {
    throw new UsageError(
      '--url must be a URL such as http://localhost:9090, with user and password before the host where it needs them',
    );
  }
}

/** A word is the path of a list without its slash. */
function viewOf(word: string | undefined): ViewName {
  if (word === undefined) return 'containers';
  if (!LISTS.includes(`/${word}`)) throw new UsageError('Behind "top" may stand oom or slow');
  return word === 'slow' ? 'slow' : 'killed';
}

function intervalOf(text: string | true | undefined): number {
  const seconds = text === undefined ? DEFAULT_INTERVAL_S : Number(text);
  if (seconds >= MIN_INTERVAL_S && seconds <= MAX_INTERVAL_S) return seconds;
  throw new UsageError(`--interval must be a number of seconds from ${MIN_INTERVAL_S} to ${MAX_INTERVAL_S}`);
}

function jsonOf({ answer, events }: Data, view: ViewName): unknown {
  if (view === 'containers') return answer;
  return {
    records: view === 'slow' ? events.get('/slow') : [...(events.get('/oom') ?? []), ...(events.get('/kills') ?? [])],
  };
}

function textOf(data: Data, view: ViewName, hasColors: boolean): string {
  const columns = process.stdout.columns ?? BATCH_COLUMNS;
  const size = { columns, rows: null, hasColors };
  return `${screen(data, { ...START, view }, size, wallMs()).join('\n')}\n`;
}

/** Synchronously: the process ends right after. */
function print(text: string): void {
  try {
    writeFileSync(1, text);
  } catch (error) {
    // The reader has what it wants, such as head.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

/** https://no-color.org */
function hasColorsIn(env: NonNullable<Call['sources']['env']>): boolean {
  return (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}
