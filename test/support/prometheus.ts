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

/** @param urls the targets of the job "floatie"
 * @param rules the path of a file of rules, which are evaluated every second */
export async function startPrometheus(urls: readonly string[], rules?: string): Promise<Prometheus> {
  const targets = JSON.stringify(urls.map((url) => new URL(url).host));
  const config = `
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [${rules === undefined ? '' : 'rules.yml'}]
scrape_configs: [{job_name: floatie, static_configs: [{targets: ${targets}}]}]
`;
  const files = { 'prometheus.yml': config, ...(rules !== undefined && { 'rules.yml': readFileSync(rules, 'utf8') }) };
  const database = await runPrometheus(files);
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
export function runPrometheus(files: Readonly<Record<string, string>>): Promise<Database> {
  const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data'];
  return startDatabase({
    command: join(peer('prometheus'), 'prometheus'),
    args: (address) => [...args, `--web.listen-address=${address}`],
    files,
    ready: '/-/ready',
  });
}
