/** A real metrics database with Prometheus' HTTP API. */
import { eventually } from './eventually.ts';
import { folder, freePort, peer, startDaemon } from './peers.ts';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** The result of an instant query. */
  readonly value?: readonly [number, string];
  /** The result of a range query. */
  readonly values?: readonly (readonly [number, string])[];
}

export interface Database extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Throws the database's error. */
  ask<T>(path: string, parameters?: Readonly<Record<string, string>>): Promise<T>;
  /** Evaluates an expression now. */
  query(expr: string): Promise<Series[]>;
}

export interface DatabaseOptions {
  readonly command: string;
  /** The arguments for an address to listen on. The database runs in a folder of its own with {@link files}. */
  readonly args: (address: string) => readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  /** The path that answers 200 once the database is ready. */
  readonly ready: string;
}

export async function startDatabase({ command, args, files = {}, ready }: DatabaseOptions): Promise<Database> {
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const home = folder(files);
  const daemon = startDaemon(command, args(address), { cwd: home.path });
  const ask = async <T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${answer.error} in ${JSON.stringify(parameters)}`);
    return answer.data;
  };
  const database: Database = {
    url,
    pid: daemon.process.pid ?? 0,
    ask,
    query: async (expr) => (await ask<{ result: Series[] }>('query', { query: expr })).result,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
  const isReady = (): Promise<boolean> =>
    fetch(url + ready).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually(`${command} is ready`, isReady).catch(async (error: Error) => {
    await database[Symbol.asyncDispose]();
    throw new Error(`${error.message}\n${daemon.output()}`);
  });
  return database;
}

/** Accepts OTLP over HTTP at its URL and `/opentelemetry`. */
export async function startVictoriaMetrics(): Promise<Database> {
  return startDatabase({
    command: peer('victoria-metrics'),
    // Its default hides the last 30 s.
    args: (address) => ['-storageDataPath=data', `-httpListenAddr=${address}`, '-search.latencyOffset=0s'],
    ready: '/health',
  });
}
