/** Writes the Grafana dashboard of the examples from the catalogue: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as grafana from '@grafana/grafana-foundation-sdk/dashboard';
import { selfMetrics } from '../src/metrics/catalogue.ts';
import { metrics as oom } from '../src/receivers/oom/metrics.ts';
import { latencyOf } from '../src/receivers/overlayfs/metrics.ts';
import { metrics as pressure } from '../src/receivers/pressure/metrics.ts';
import { DATASOURCE } from './dashboard/panels.ts';
import { killsIn, sections } from './dashboard/sections.ts';

export const DASHBOARD = fileURLToPath(new URL('../examples/grafana/floatie.json', import.meta.url));

/** The schema of Grafana 11; later versions migrate the dashboard when they load it. */
const SCHEMA_VERSION = 39;

export function dashboardJson(): string {
  const builder = new grafana.DashboardBuilder('Floatie')
    .uid('floatie')
    .description('Overlayfs latency, OOM kills and memory pressure of containers, and how Floatie itself is doing')
    .tags(['floatie', 'ebpf', 'containers'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(grafana.DashboardCursorSync.Crosshair)
    .variables(variables())
    .annotation(
      new grafana.AnnotationQueryBuilder()
        .name('OOM kills')
        .datasource(DATASOURCE)
        .enable(true)
        .iconColor('red')
        .expr(killsIn('1m'))
        .step('1m')
        .titleFormat('OOM kill')
        .textFormat('{{trigger_comm}} → {{victim_comm}} · {{cgroup}}')
        .tagKeys('k8s_pod_name,container_name'),
    );
  for (const { title, panels } of sections()) {
    builder.withRow(new grafana.RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  const dashboard = builder.build();
  const panels = (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 }));
  return `${JSON.stringify({ ...dashboard, panels, schemaVersion: SCHEMA_VERSION }, null, 2)}\n`;
}

function variables() {
  const all = { selected: true, text: 'All', value: '$__all' };
  const choice = (name: string, label: string, query: string) =>
    new grafana.QueryVariableBuilder(name)
      .label(label)
      .datasource(DATASOURCE)
      .query({ qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
      .definition(query)
      .refresh(grafana.VariableRefresh.OnTimeRangeChanged)
      .sort(grafana.VariableSort.AlphabeticalCaseInsensitiveAsc)
      .multi(true)
      .includeAll(true)
      .allValue('.*')
      .current(all);
  const owned = [latencyOf.read, latencyOf.write, latencyOf.open].map(({ name }) => `${name}_count`);
  const names = [...owned, pressure.score.name, oom.kills.name].join('|');
  const here = `{__name__=~"${names}", instance=~"$instance"}`;
  return [
    new grafana.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    choice('instance', 'Instance', `label_values(${selfMetrics.buildInfo.name}, instance)`),
    choice('container', 'Container', `label_values(${here}, container_name)`),
    choice('cgroup', 'Cgroup', `label_values(${here}, cgroup)`),
    new grafana.CustomVariableBuilder('top')
      .label('At most')
      .values('5,10,20,50')
      .current({ selected: true, text: '10', value: '10' }),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(DASHBOARD, dashboardJson());
