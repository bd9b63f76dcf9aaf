/** A dashboard as Grafana takes it: its queries, with what Grafana puts in place of the variables. */
import { readFileSync } from 'node:fs';

export interface Query {
  /** The panel's title. */
  readonly panel: string;
  readonly expr: string;
  readonly isInstant: boolean;
  /** With the labels of a series in place of {{these}}. */
  readonly legend: string;
}

interface Target {
  readonly expr: string;
  readonly instant?: boolean;
  readonly legendFormat?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
}

export interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(new URL('../../examples/grafana/floatie.json', import.meta.url), 'utf8'));
}

/** The panels' queries and those of the annotations. */
export function queriesOf({ panels, annotations }: Dashboard): Query[] {
  const shown = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, instant = false, legendFormat = '' }) => ({
      panel: title,
      expr,
      isInstant: instant,
      legend: legendFormat,
    })),
  );
  const marks = annotations.list.flatMap(({ name, expr }) =>
    expr === undefined ? [] : [{ panel: `annotation ${name}`, expr, isInstant: false, legend: '' }],
  );
  return [...shown, ...marks];
}

/** What is chosen and shown, in seconds. Everything is chosen where nothing else is said, as when a dashboard is opened. */
export interface View {
  readonly rangeS: number;
  readonly stepS: number;
  readonly scrapeS: number;
  readonly variables?: Readonly<Record<string, string>>;
}

/** By the rules of https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/. */
export function substitute(expr: string, { rangeS, stepS, scrapeS, variables = {} }: View): string {
  const values: Readonly<Record<string, string>> = {
    __rate_interval: `${Math.max(stepS + scrapeS, 4 * scrapeS)}s`,
    __interval: `${stepS}s`,
    __range: `${rangeS}s`,
    instance: '.*',
    container: '.*',
    cgroup: '.*',
    top: '10',
    ...variables,
  };
  return expr.replaceAll(/\$(\w+)/g, (text, name: string) => {
    // The numbers of groups of label_replace.
    if (/^\d+$/.test(name)) return text;
    const value = values[name];
    if (value === undefined) throw new Error(`The dashboard has no variable "${name}"`);
    return value;
  });
}
