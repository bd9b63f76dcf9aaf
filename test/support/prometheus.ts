/** A real Prometheus that scrapes every second. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { folder, freePort, peer, startDaemon } from './peers.ts';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Of a query of one moment. */
  readonly value?: readonly [number, string];
  /** Of a query of a range. */
  readonly values?: readonly (readonly [number, string])[];
}

export interface RuleState {
  readonly name: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Of alerts. */
  readonly state?: 'inactive' | 'pending' | 'firing';
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Prometheus extends AsyncDisposable {
  /** Throws what Prometheus says of a query that it does not take. */
  query(expr: string): Promise<Series[]>;
  /** @param from in seconds since 1970, as `to` */
  queryRange(expr: string, from: number, to: number, stepS: number): Promise<Series[]>;
  rules(): Promise<RuleState[]>;
}

/** @param urls of what is scraped, as the job "floatie"
 *  @param rules the path of a file of rules, which are evaluated every second */
export async function startPrometheus(urls: readonly string[], rules?: string): Promise<Prometheus> {
  const port = await freePort();
  const targets = JSON.stringify(urls.map((url) => new URL(url).host));
  const home = folder({
    'prometheus.yml': `
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [${rules === undefined ? '' : 'rules.yml'}]
scrape_configs: [{job_name: floatie, static_configs: [{targets: ${targets}}]}]
`,
  });
  if (rules !== undefined) copyFileSync(rules, join(home.path, 'rules.yml'));
  const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`];
  const daemon = startDaemon(join(peer('prometheus'), 'prometheus'), args, { cwd: home.path });

  const ask = async <T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${answer.error} in ${JSON.stringify(parameters)}`);
    return answer.data;
  };
  const results = async (path: string, parameters: Readonly<Record<string, string>>): Promise<Series[]> =>
    (await ask<{ result: Series[] }>(path, parameters)).result;
  const prometheus: Prometheus = {
    query: (expr) => results('query', { query: expr }),
    queryRange: (expr, from, to, stepS) =>
      results('query_range', { query: expr, start: `${from}`, end: `${to}`, step: `${stepS}` }),
    async rules() {
      return (await ask<{ groups: { rules: RuleState[] }[] }>('rules')).groups.flatMap((group) => group.rules);
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
  const ready = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('Prometheus is ready', ready, 20_000).catch(async (error: Error) => {
    await prometheus[Symbol.asyncDispose]();
    throw new Error(`${error.message}\n${daemon.output()}`);
  });
  return prometheus;
}
