/**
 * OpenMetrics' text format, version 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/
 *
 * Without `_created`: whoever uses start times asks for protobuf, and everybody else would keep them as further series.
 */
import type { Exemplar } from '../../../metrics/exemplar.ts';
import { ALL, PUBLIC, type Shown } from './exemplars.ts';
import { type Family, type FamilyType, hasUnit, TARGET_INFO } from './families.ts';
import type { Format } from './format.ts';
import { type Dialect, escapeLabel, labelText, textSections } from './text.ts';

export const OPENMETRICS = openMetrics(ALL);
export const PUBLIC_OPENMETRICS = openMetrics(PUBLIC);

function openMetrics(shown: Shown): Format {
  const dialect: Dialect = {
    headOf,
    boundText,
    exemplarText: (exemplar) => exemplarText(exemplar, shown),
    endOf: () => '# EOF\n',
  };
  return {
    type: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    sections: (collection) => textSections(collection, dialect),
  };
}

const TYPES: Readonly<Record<FamilyType, string>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  untyped: 'unknown',
};

function headOf(family: Family): string {
  const name = baseOf(family);
  const help = escapeLabel(family.help || 'description missing');
  const unit = hasUnit(family) ? `# UNIT ${name} ${family.unit}\n` : '';
  return `# HELP ${name} ${help}\n${unit}# TYPE ${name} ${family.name === TARGET_INFO ? 'info' : TYPES[family.type]}\n`;
}

function exemplarText(exemplar: Exemplar, shown: Shown): string {
  const [seconds, nanos] = exemplar.time;
  const time = `${seconds}.${String(nanos).padStart(9, '0').slice(0, 3)}`;
  return ` # {${labelText(shown(exemplar))}} ${exemplar.value} ${time}`;
}

/** The name of a family, of which some samples have a suffix besides. */
function baseOf({ name, type }: Family): string {
  if (name === TARGET_INFO) return name.replace(/_info$/, '');
  return type === 'counter' ? name.replace(/_total$/, '') : name;
}

/** As Go prints it, and thus Prometheus: always with a point or an exponent, which has two digits. */
export function boundText(bound: number): string {
  const exponential = bound.toExponential();
  const exponent = Number(exponential.slice(exponential.indexOf('e') + 1));
  if (bound === 0 || (exponent >= -4 && exponent < 6)) return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
  return exponential.replace(/e([+-])(\d)$/, 'e$10$2');
}
