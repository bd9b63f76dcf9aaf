/** The answer at `/api/v1/containers`. */
import { OWNER } from '../containers/attributes.ts';
import { isPart, waitOf } from './columns.ts';
import { quantile } from './durations.ts';
import type { History } from './history.ts';
import {
  type Container,
  type ContainerMemory,
  type ContainerOperation,
  type Containers,
  MINUTE,
  type OperationWindow,
  STEP_S,
  STEPS,
  type Stall,
  type Wait,
} from './schema.ts';
import { type Asked, lengthOf, momentOf, round, sumOf, View, type Window } from './view.ts';

export function containersAnswer(history: History, asked: Asked = {}): Containers {
  const { wanted, limit, steps = STEPS } = asked;
  const { containers } = history;
  const ends = steps === 0 ? [] : history.ends.slice(-steps);
  const views = [...containers].flatMap(([key, container]) =>
    wanted === undefined || wanted.has(key) ? [describe(new View(container, history, ends.length, asked))] : [],
  );
  const last = history.ends.at(-1);
  return {
    time: new Date(last?.wallMs ?? Date.now()).toISOString(),
    step_s: STEP_S,
    steps: ends.length,
    last_step_s: round(last?.lengthS ?? 0),
    last_10s_s: round(momentOf(history).lengthS),
    last_1m_s: round(lengthOf(history.ends.slice(-MINUTE))),
    containers: views.sort((a, b) => waitedIn(b) - waitedIn(a)).slice(0, limit),
    left_out: history.leftOut,
  };
}

function describe(view: View): Container {
  const { attributes, causes, steps } = view.container;
  const owner = Object.keys(OWNER).flatMap((name) =>
    attributes[name] === undefined ? [] : [[name.replaceAll('.', '_'), attributes[name]]],
  );
  const operations = Array.from(steps.durations.keys(), (op) => describeOperation(view, op)).sort(
    (a, b) => b.last_1m.sum_s - a.last_1m.sum_s,
  );
  const waits = waitsOf(view, '');
  const kills = view.sum('oom_kills');
  return {
    ...(Object.fromEntries(owner) as Pick<Container, 'cgroup'>),
    is_gone: view.history.isGone(view.container),
    operations,
    ...(causes.size > 0 && {
      waits: waits.map((wait) => ({ ...wait, series_s: view.series(waitOf(wait.cause), 0) })),
    }),
    memory: describeMemory(view),
    ...(view.history.countsKills && { oom_kills_5m: kills, oom_kills: view.series('oom_kills', 0) }),
    ...stallOf(view, 'cpu_stall'),
    ...stallOf(view, 'io_stall'),
    ...stallOf(view, 'memory_stall'),
    ...stallOf(view, 'cpu_throttled'),
  };
}

function describeOperation(view: View, op: string): ContainerOperation {
  const waits = waitsOf(view, `${op}/`);
  return {
    op,
    is_part: isPart(op),
    last_10s: windowOf(view.moment, op),
    last_1m: windowOf(view.minute, op),
    ...(waits.length > 0 && { waits }),
    series: {
      count: view.series(`${op}/count`, 0),
      sum_s: view.series(`${op}/sum_s`, 0),
      p99_us: view.series(`${op}/p99_us`, null),
      ...(view.hasBuckets && { buckets: view.buckets(op) }),
    },
  };
}

function windowOf(window: Window, op: string): OperationWindow {
  const counts = window.counts?.durations.get(op)?.of(window.last, window.steps) ?? [];
  const [p50, p99] = [quantile(counts, 0.5), quantile(counts, 0.99)];
  const count = sumOf(window, `${op}/count`);
  return {
    count,
    per_s: round(count / (window.lengthS || 1)),
    sum_s: sumOf(window, `${op}/sum_s`),
    ...(p50 !== null && { p50_us: round(p50) }),
    ...(p99 !== null && { p99_us: round(p99) }),
    bytes: sumOf(window, `${op}/bytes`),
    errors: sumOf(window, `${op}/errors`),
  };
}

/** @param prefix of the columns: `OPERATION/`, or nothing for all operations */
function waitsOf(view: View, prefix: string): Wait[] {
  const waits = Array.from(view.container.causes, (cause) => {
    const name = prefix + waitOf(cause);
    return { cause, last_10s_s: sumOf(view.moment, name), last_1m_s: sumOf(view.minute, name) };
  });
  return waits.filter(({ cause }) => view.has(prefix + waitOf(cause))).sort((a, b) => b.last_1m_s - a.last_1m_s);
}

function describeMemory(view: View): ContainerMemory {
  const optional = {
    usage_bytes: view.latest('usage'),
    limit_bytes: view.latest('limit'),
    headroom_bytes: view.latest('headroom'),
    pressure_score: view.latest('score'),
    growth_10s: growthOf(view, 1),
    growth_1m: growthOf(view, MINUTE),
    growth_5m: growthOf(view, STEPS - 1),
    at_limit_5m: view.has('usage') ? view.sum('event/max') : undefined,
    throttled_5m: view.has('event/high') ? view.sum('event/high') : undefined,
  };
  return {
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Partial<ContainerMemory>),
    series: {
      usage_bytes: view.series('usage', null),
      headroom_bytes: view.series('headroom', null),
      pressure_score: view.series('score', null),
    },
  };
}

function growthOf({ container, history: { last, ends } }: View, steps: number): number | undefined {
  const { rings } = container.steps;
  // It may not have been read yet in the step that goes on.
  const end = rings.get('usage', last) === null ? last - 1 : last;
  const now = end < 0 ? null : rings.get('usage', end);
  const before = end < steps ? null : rings.get('usage', end - steps);
  const between = ends.slice(0, ends.length - last + end).slice(-steps);
  return now === null || before === null ? undefined : round((now - before) / (lengthOf(between) || 1));
}

function stallOf(view: View, name: string): Readonly<Record<string, Stall>> {
  if (!view.has(name)) return {};
  return {
    [name]: {
      last_10s_s: sumOf(view.moment, name),
      last_1m_s: sumOf(view.minute, name),
      series_s: view.series(name, 0),
    },
  };
}

function waitedIn({ operations }: Container): number {
  return operations.reduce((sum, { is_part, last_1m }) => sum + (is_part ? 0 : last_1m.sum_s), 0);
}
