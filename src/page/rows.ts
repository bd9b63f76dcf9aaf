/** The containers of an answer, worst first. */
import type { Container, Containers, OperationWindow } from '../history/schema.ts';
import { fullNameOf, nameOf } from './names.ts';

export interface Row {
  /** The id of the container, else the path of the cgroup. */
  readonly id: string;
  readonly name: string;
  /** Pod, image or id: what tells it from another of the same name. */
  readonly about: string;
  readonly container: Container;
  /** Time waited on overlayfs in the last step by its length: 2 where two threads always wait. */
  readonly waitShare: number;
  /** What it waits for most: a cause where causes are measured, else an operation; null: it did not wait. */
  readonly waitsFor: { readonly name: string; readonly share: number } | null;
  readonly opsPerS: number;
  readonly reads: OperationWindow | undefined;
  readonly writes: OperationWindow | undefined;
  readonly syncs: OperationWindow | undefined;
}

/** What is shown until the first step has ended. */
export const UNTIL_FIRST_NUMBERS = 'Floatie has just started: the first numbers are there in a second.';

export function rowsOf({ containers, last_10s_s: lengthS }: Containers): Row[] {
  return containers.map((container) => {
    const done = container.operations.filter(({ is_part }) => !is_part);
    const waitedS = done.reduce((sum, { last_10s }) => sum + last_10s.sum_s, 0);
    const parts = container.waits?.map(({ cause, last_10s_s }) => ({ name: cause, s: last_10s_s }));
    const most = (parts ?? done.map(({ op, last_10s }) => ({ name: op, s: last_10s.sum_s }))).reduce(
      (a, b) => (b.s > a.s ? b : a),
      { name: '', s: 0 },
    );
    const windowOf = (op: string): OperationWindow | undefined =>
      container.operations.find((operation) => operation.op === op)?.last_10s;
    return {
      id: container.container_id ?? container.cgroup,
      name: nameOf(container),
      about: aboutOf(container),
      container,
      waitShare: lengthS > 0 ? waitedS / lengthS : 0,
      waitsFor: most.s === 0 ? null : { name: most.name, share: Math.min(1, most.s / waitedS) },
      opsPerS: done.reduce((sum, { last_10s }) => sum + last_10s.per_s, 0),
      reads: windowOf('read'),
      writes: windowOf('write'),
      syncs: windowOf('sync'),
    };
  });
}

function aboutOf({ k8s_namespace_name: namespace, k8s_pod_name: pod, container_image_name: image }: Container): string {
  return [pod === undefined ? undefined : `${namespace ?? ''}/${pod}`, image]
    .filter((part) => part !== undefined)
    .join(' · ');
}

/** By what the rows can be sorted: the number that is largest at the top; null and undefined are at the end. */
export const SORTS = {
  worst: (row: Row) =>
    row.waitShare + (row.container.memory.pressure_score ?? 0) / 100 + (row.container.oom_kills_5m ?? 0),
  waits: (row: Row) => row.waitShare,
  reads: (row: Row) => row.reads?.p99_us,
  writes: (row: Row) => row.writes?.p99_us,
  syncs: (row: Row) => row.syncs?.p99_us,
  ops: (row: Row) => row.opsPerS,
  headroom: (row: Row) => negative(row.container.memory.headroom_bytes),
  score: (row: Row) => row.container.memory.pressure_score,
  kills: (row: Row) => row.container.oom_kills_5m,
  name: () => 0,
} as const satisfies Readonly<Record<string, (row: Row) => number | null | undefined>>;

export type Sort = keyof typeof SORTS;

export function isSort(name: string | null): name is Sort {
  return name !== null && Object.hasOwn(SORTS, name);
}

/** @param filter a part of any name, id or path, in any case */
export function select(rows: readonly Row[], sort: Sort, filter: string): Row[] {
  const wanted = filter.trim().toLowerCase();
  const rank = (row: Row): number => SORTS[sort](row) ?? Number.NEGATIVE_INFINITY;
  return rows
    .filter(({ name, about, id, container }) =>
      [name, about, id, container.cgroup, fullNameOf(container)].some((text) => text.toLowerCase().includes(wanted)),
    )
    .map((row) => ({ row, value: rank(row) }))
    .sort((a, b) => (a.value === b.value ? compare(a.row.name, b.row.name) : b.value > a.value ? 1 : -1))
    .map(({ row }) => row);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function negative(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value;
}
