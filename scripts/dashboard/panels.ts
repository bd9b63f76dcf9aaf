/** The kinds of panels of the dashboard, in one style. */
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as grafana from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmaps from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stats from '@grafana/grafana-foundation-sdk/stat';
import * as timelines from '@grafana/grafana-foundation-sdk/statetimeline';
import * as tables from '@grafana/grafana-foundation-sdk/table';
import * as graphs from '@grafana/grafana-foundation-sdk/timeseries';
import type { Metric } from '../../src/metrics/catalogue.ts';

/** The data source that is chosen above the dashboard. */
export const DATASOURCE: common.DataSourceRef = { type: 'prometheus', uid: `\${datasource}` };

const SEPARATOR = '¦';

/** The names of a container, the best first. Grafana puts nothing in place of a label that a series lacks. */
const NAMES = ['{{k8s_pod_name}}/{{container_name}}', '{{container_id}}', '{{cgroup}}', 'all that did not fit'];

/** The legend of a container; RENAMES leaves the first of its names that is not empty. */
export const CONTAINER = `${SEPARATOR}${NAMES.map((name) => name + SEPARATOR).join('')}`;
export const CONTAINER_HERE = `${CONTAINER} · {{instance}}`;

const RENAMES: readonly grafana.DataTransformerConfig[] = [
  { regex: `/${SEPARATOR}\\/?${SEPARATOR}*([^${SEPARATOR}]+)${SEPARATOR}(.*${SEPARATOR})?/`, renamePattern: '$1' },
  // Shortens ids as `docker ps` does.
  { regex: '/\\b([0-9a-f]{12})[0-9a-f]{52}\\b/', renamePattern: '$1' },
].map((options) => ({ id: 'renameByRegex', options }));

/** The headers of columns of labels, where they differ from the label. */
const HEADERS: Readonly<Record<string, string>> = {
  k8s_pod_name: 'pod',
  container_name: 'container',
  otel_metric_overflow: 'all that did not fit',
};

/** The queries of a graph, by their legends. */
export type Queries = Readonly<Record<string, string>>;

interface Look {
  readonly title: string;
  readonly unit: string;
  /** In columns, of which the dashboard has 24. */
  readonly width: number;
  /** The metrics that the panel shows, whose descriptions it repeats, and remarks of its own. */
  readonly about: readonly (Metric | string)[];
}

const describe = (about: Look['about']): string =>
  about.map((part) => (typeof part === 'string' ? part : `${part.description} (\`${part.name}\`)`)).join('. ');

const refId = (index: number): string => String.fromCharCode('A'.charCodeAt(0) + index);

const query = (expr: string, index: number): prometheus.DataqueryBuilder =>
  new prometheus.DataqueryBuilder().datasource(DATASOURCE).refId(refId(index)).expr(expr);

/** @param colors the color below all limits, then each color with the value at which it begins */
function thresholds(colors: readonly [string, ...(readonly [color: string, at: number][])]) {
  const [first, ...rest] = colors;
  const steps = [{ color: first, value: null }, ...rest.map(([color, value]) => ({ color, value }))];
  return new grafana.ThresholdsConfigBuilder().mode(grafana.ThresholdsMode.Absolute).steps(steps);
}

/** Lines over time, from 0. */
export function graph(look: Look, queries: Queries): graphs.PanelBuilder {
  return lines(look, queries).min(0);
}

function lines(look: Look, queries: Queries): graphs.PanelBuilder {
  const panel = new graphs.PanelBuilder()
    .title(look.title)
    .description(describe(look.about))
    .datasource(DATASOURCE)
    .unit(look.unit)
    .span(look.width)
    .height(8)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(common.VisibilityMode.Auto)
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    );
  for (const [index, [legend, expr]] of Object.entries(queries).entries()) {
    panel.withTarget(query(expr, index).range().legendFormat(legend));
  }
  if (Object.keys(queries).some((legend) => legend.includes(CONTAINER))) panel.transformations([...RENAMES]);
  return panel;
}

/** Lines over time, for values that differ by orders of magnitude. */
export function logarithmic(look: Look, queries: Queries): graphs.PanelBuilder {
  const scale = new common.ScaleDistributionConfigBuilder().type(common.ScaleDistribution.Log).log(10);
  return lines(look, queries).scaleDistribution(scale);
}

/** Adds a dashed line at the limit. */
export function limited(panel: graphs.PanelBuilder, limit: number): graphs.PanelBuilder {
  return panel
    .thresholds(thresholds(['green', ['red', limit]]))
    .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed));
}

/** Lines on top of each other: their sum means something. */
export function stacked(look: Look, queries: Queries): graphs.PanelBuilder {
  return graph(look, queries)
    .fillOpacity(40)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
}

/** Events of each step, stacked. */
export function bars(look: Look, queries: Queries): graphs.PanelBuilder {
  return stacked(look, queries).drawStyle(common.GraphDrawStyle.Bars).fillOpacity(90).decimals(0);
}

/** The distribution of a histogram over time. */
export function heatmap(look: Look, expr: string): heatmaps.PanelBuilder {
  return new heatmaps.PanelBuilder()
    .title(look.title)
    .description(describe(look.about))
    .datasource(DATASOURCE)
    .span(look.width)
    .height(9)
    .calculate(false)
    .cellGap(1)
    .color(
      new heatmaps.HeatmapColorOptionsBuilder()
        .mode(heatmaps.HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .scale(heatmaps.HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64),
    )
    .filterValues(new heatmaps.FilterValueRangeBuilder().le(1e-9))
    .yAxis(new heatmaps.YAxisConfigBuilder().unit(look.unit).axisPlacement(common.AxisPlacement.Left))
    .tooltip(new heatmaps.HeatmapTooltipBuilder().mode(common.TooltipDisplayMode.Single).yHistogram(true))
    .showLegend()
    .withTarget(query(expr, 0).range().format(prometheus.PromQueryFormat.Heatmap).legendFormat('{{le}}'));
}

/** One number, now. */
export function number(
  look: Look,
  expr: string,
  colors: Parameters<typeof thresholds>[0],
  legend = '__auto',
): stats.PanelBuilder {
  return new stats.PanelBuilder()
    .title(look.title)
    .description(describe(look.about))
    .datasource(DATASOURCE)
    .unit(look.unit)
    .span(look.width)
    .height(4)
    .noValue('none')
    .thresholds(thresholds(colors))
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.Auto)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .withTarget(query(expr, 0).instant().legendFormat(legend));
}

/** Values of 0 and 1 over time. */
export function states(
  look: Look,
  queries: Queries,
  names: readonly [no: string, yes: string],
): timelines.PanelBuilder {
  const panel = new timelines.PanelBuilder()
    .title(look.title)
    .description(describe(look.about))
    .datasource(DATASOURCE)
    .span(look.width)
    .height(6)
    .lineWidth(0)
    .fillOpacity(70)
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .thresholds(thresholds(['red', ['green', 1]]))
    .mappings([
      {
        type: grafana.MappingType.ValueToText,
        options: { 0: { text: names[0], color: 'red', index: 0 }, 1: { text: names[1], color: 'green', index: 1 } },
      },
    ]);
  for (const [index, [legend, expr]] of Object.entries(queries).entries()) {
    panel.withTarget(query(expr, index).range().legendFormat(legend));
  }
  return panel;
}

interface Column {
  readonly name: string;
  readonly expr: string;
  readonly unit: string;
}

/** One row for each set of labels, sorted by the first column of numbers. A label that no series has gets no column. */
export function table(
  look: Omit<Look, 'unit'>,
  labels: readonly string[],
  columns: readonly Column[],
): tables.PanelBuilder {
  const [first] = columns;
  const names = columns.map(({ name }, index) => [columns.length === 1 ? 'Value' : `Value #${refId(index)}`, name]);
  const order = [...labels, ...names.map(([value = '']) => value)].map((name, index) => [name, index]);
  const panel = new tables.PanelBuilder()
    .title(look.title)
    .description(describe(look.about))
    .datasource(DATASOURCE)
    .span(look.width)
    .height(8)
    .sortBy(first === undefined ? [] : [new common.TableSortByFieldStateBuilder().displayName(first.name).desc(true)])
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        // The path of the cgroup has the container's id.
        excludeByName: { Time: true, container_id: true },
        indexByName: Object.fromEntries(order),
        renameByName: { ...HEADERS, ...Object.fromEntries(names) },
      },
    });
  for (const [index, { name, expr, unit }] of columns.entries()) {
    panel.withTarget(query(expr, index).instant().format(prometheus.PromQueryFormat.Table)).overrideByName(name, [
      { id: 'unit', value: unit },
      { id: 'decimals', value: unit === 'short' ? 0 : 1 },
    ]);
  }
  return panel;
}
