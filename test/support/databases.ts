/** Real databases of metrics, which answer queries by Prometheus' HTTP API. */
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { Metrics, type Sample } from './metrics-text.ts';
import { type Daemon, folder, freePort, peer, startDaemon } from './peers.ts';

export interface Database extends AsyncDisposable {
  readonly url: string;
  /** What the expression is now. */
  query(expression: string): Promise<Metrics>;
}

/** @param target host and port of what it scrapes, each second */
export async function startPrometheus(target: string): Promise<Database> {
  const port = await freePort();
  const home = folder({
    'prometheus.yml': `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: floatie, static_configs: [{targets: ["${target}"]}]}]\n`,
  });
  const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`];
  const daemon = startDaemon(join(peer('prometheus'), 'prometheus'), args, { cwd: home.path });
  return database(port, daemon, home, '/-/ready');
}

/** It takes OTLP over HTTP at its URL and `/opentelemetry`. */
export async function startVictoriaMetrics(): Promise<Database> {
  const port = await freePort();
  const home = folder();
  // Unless told so it does not show what came in the last 30 s.
  const args = ['-storageDataPath=data', `-httpListenAddr=127.0.0.1:${port}`, '-search.latencyOffset=0s'];
  const daemon = startDaemon(peer('victoria-metrics'), args, { cwd: home.path });
  return database(port, daemon, home, '/health');
}

async function database(port: number, daemon: Daemon, home: Disposable, ready: string): Promise<Database> {
  const url = `http://127.0.0.1:${port}`;
  const started: Database = {
    url,
    async query(expression) {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      const { data } = (await response.json()) as Answer;
      return new Metrics(
        data.result.map(({ metric: { __name__: name = '', ...labels }, value: [, value] }): Sample => {
          return { name, labels, value: Number(value) };
        }),
      );
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
  try {
    await eventually(
      'the database is ready',
      () =>
        fetch(url + ready).then(
          ({ ok }) => ok,
          () => false,
        ),
      30_000,
    );
    return started;
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw new Error(`${(error as Error).message}\n${daemon.output()}`);
  }
}

/** Of a query that gives a vector. */
interface Answer {
  readonly data: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
}
