/** Reads a Grafana dashboard, and substitutes variables in its queries as Grafana does. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Query {
  /** The panel's title. */
  readonly panel: string;
  readonly expr: string;
  readonly isInstant: boolean;
  /** The name of a series, with {{its labels}}. */
  readonly legend: string;
  readonly renames: readonly Rename[];
}

/** Options of the transformation "Rename fields by regex". */
interface Rename {
  readonly regex: string;
  readonly renamePattern: string;
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
  readonly transformations?: readonly { readonly id: string; readonly options: object }[];
}

export interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const DASHBOARD = fileURLToPath(new URL('../../examples/grafana/floatie.json', import.meta.url));

export function readDashboard(path = DASHBOARD): Dashboard {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The queries of panels and annotations. */
export function queriesOf({ panels, annotations }: Dashboard): Query[] {
  const shown = panels.flatMap(({ title, targets = [], transformations = [] }) =>
    targets.map(({ expr, instant = false, legendFormat = '' }) => ({
      panel: title,
      expr,
      isInstant: instant,
      legend: legendFormat,
      renames: transformations.flatMap(({ id, options }) => (id === 'renameByRegex' ? (options as Rename) : [])),
    })),
  );
  const marks = annotations.list.flatMap(({ name, expr }) =>
    expr === undefined ? [] : [{ panel: `annotation ${name}`, expr, isInstant: false, legend: '', renames: [] }],
  );
  return [...shown, ...marks];
}

/** The name that Grafana shows for a series: its legend, then renamed. A label that the series lacks is left out. */
export function nameOf({ legend, renames }: Query, labels: Readonly<Record<string, string>>): string {
  return renames.reduce(
    (name, { regex, renamePattern }) => name.replace(new RegExp(regex.slice(1, -1)), renamePattern),
    legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? ''),
  );
}

/** The time range, in seconds, and the variables; by default all values are chosen. */
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
  // What label_replace() calls $1 is no variable.
  return expr.replaceAll(/\$([a-z_]\w*)/gi, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The dashboard has no variable "${name}"`);
    return value;
  });
}
