/** A real Prometheus that scrapes every second. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, type Series, startDatabase } from './database.ts';
import { peer } from './peers.ts';

export interface RuleState {
  readonly name: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Only for alerts. */
  readonly state?: 'inactive' | 'pending' | 'firing';
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Prometheus extends Database {
  /** @param from in seconds since 1970, as `to` */
  queryRange(expr: string, from: number, to: number, stepS: number): Promise<Series[]>;
  rules(): Promise<RuleState[]>;
}

export interface PrometheusOptions {
  /** The path of a file of rules, which are evaluated every second. */
  readonly rules?: string;
  /** Of `--enable-feature`. */
  readonly features?: readonly string[];
  /** Further keys of the job. */
  readonly job?: Readonly<Record<string, unknown>>;
}

/** @param urls the targets of the job "floatie" */
export async function startPrometheus(
  urls: readonly string[],
  { rules, features = [], job = {} }: PrometheusOptions = {},
): Promise<Prometheus> {
  const targets = urls.map((url) => new URL(url).host);
  const floatie = { job_name: 'floatie', static_configs: [{ targets }], ...job };
  const config = `
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [${rules === undefined ? '' : 'rules.yml'}]
scrape_configs: [${JSON.stringify(floatie)}]
`;
  const files = { 'prometheus.yml': config, ...(rules !== undefined && { 'rules.yml': readFileSync(rules, 'utf8') }) };
  const database = await runPrometheus(files, features);
  const { ask } = database;
  return {
    ...database,
    async queryRange(expr, from, to, stepS) {
      const parameters = { query: expr, start: `${from}`, end: `${to}`, step: `${stepS}` };
      return (await ask<{ result: Series[] }>('query_range', parameters)).result;
    },
    async rules() {
      return (await ask<{ groups: { rules: RuleState[] }[] }>('rules')).groups.flatMap((group) => group.rules);
    },
  };
}

/** @param files among them prometheus.yml, its configuration */
export function runPrometheus(
  files: Readonly<Record<string, string>>,
  features: readonly string[] = [],
): Promise<Database> {
  const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data'];
  if (features.length > 0) args.push(`--enable-feature=${features.join()}`);
  return startDatabase({
    command: join(peer('prometheus'), 'prometheus'),
    args: (address) => [...args, `--web.listen-address=${address}`],
    files,
    ready: '/-/ready',
  });
}
