/** One container: its operations, what they waited for, its memory, its kills and its slow operations. */
import type { Event } from '../../page/events.ts';
import { bytes, count, micros, percent, seconds, UNKNOWN } from '../../page/format.ts';
import type { Row } from '../../page/rows.ts';
import { eventLines } from './events.ts';
import { fit, type Span } from './text.ts';

const WIDTHS = { op: 14, perS: 9, p50: 9, p99: 9, waited: 9, errors: 8 };

export function containerLines(
  { name, about, container }: Row,
  kills: readonly Event[],
  slow: readonly Event[],
  nowMs: number,
  columns: number,
): Span[][] {
  const { memory, operations, waits } = container;
  const used = `${bytes(memory.usage_bytes)} of ${memory.limit_bytes === undefined ? 'no limit' : bytes(memory.limit_bytes)}`;
  const free = memory.headroom_bytes === undefined ? '' : `, ${bytes(memory.headroom_bytes)} left`;
  const grows =
    memory.growth_1m === undefined
      ? ''
      : `, ${memory.growth_1m < 0 ? '' : '+'}${bytes(memory.growth_1m)}/s in the last minute`;
  const waited = waits
    ?.filter(({ last_1m_s }) => last_1m_s > 0)
    .map(({ cause, last_1m_s }) => `${cause} ${seconds(last_1m_s)}`);
  const title = (text: string): Span[] => [{ text, style: 'bold' }];
  return [
    title(container.is_gone ? `${name} (gone)` : name),
    [{ text: [about, container.cgroup].filter((part) => part !== '').join('  '), style: 'faint' }],
    [],
    [`Memory    ${used}${free}${grows}`],
    [`Pressure  ${count(memory.pressure_score)} of 100`],
    [`Waited    ${waited === undefined ? UNKNOWN : waited.join(', ') || 'not at all'} in the last minute`],
    [],
    title(
      fit('OPERATION', WIDTHS.op) +
        fit('PER s', WIDTHS.perS, 'right') +
        fit('p50', WIDTHS.p50, 'right') +
        fit('p99', WIDTHS.p99, 'right') +
        fit('WAITED', WIDTHS.waited, 'right') +
        fit('ERRORS', WIDTHS.errors, 'right') +
        '  FOR',
    ),
    ...operations.map(({ op, last_1m, waits }): Span[] => {
      const causes = waits?.filter(({ last_1m_s }) => last_1m_s > 0).slice(0, 3);
      const parts = causes?.map(({ cause, last_1m_s }) => `${cause} ${percent(last_1m_s / last_1m.sum_s)}`);
      return [
        fit(op, WIDTHS.op),
        fit(count(last_1m.per_s), WIDTHS.perS, 'right'),
        fit(micros(last_1m.p50_us), WIDTHS.p50, 'right'),
        fit(micros(last_1m.p99_us), WIDTHS.p99, 'right'),
        fit(seconds(last_1m.sum_s), WIDTHS.waited, 'right'),
        fit(count(last_1m.errors), WIDTHS.errors, 'right'),
        `  ${parts?.join(', ') ?? UNKNOWN}`,
      ];
    }),
    [],
    title('Kills'),
    ...eventLines(kills, nowMs, columns),
    [],
    title('Slow operations'),
    ...eventLines(slow, nowMs, columns),
  ];
}
