/** Keeps the last records of each kind in memory, and passes new ones to listeners. */
import { placeOf } from '../containers/place.ts';
import type { RecordSchema, TypedRecord } from './schema.ts';

/** The limit of records of each kind. */
const MAX_RECORDS = 1000;

export class Records {
  /** All kinds of records. */
  readonly schemas: readonly RecordSchema[];
  readonly #lists: ReadonlyMap<RecordSchema, RecordList>;
  readonly #listeners: ((record: TypedRecord) => void)[] = [];

  constructor(schemas: readonly RecordSchema[]) {
    this.schemas = schemas;
    this.#lists = new Map(schemas.map((schema) => [schema, new RecordList()]));
  }

  add(record: TypedRecord): void {
    this.#lists.get(record.schema)?.add([{ record, isTold: true }]);
    for (const listen of this.#listeners) listen(record);
  }

  /** Lists a record of what listeners have from another one. */
  list(record: TypedRecord): void {
    this.#lists.get(record.schema)?.add([{ record, isTold: false }]);
  }

  /** Adds records from before the start in front of all others, without calling listeners. */
  remember(past: readonly TypedRecord[]): void {
    for (const [schema, list] of this.#lists) {
      const entries = past.filter((record) => record.schema === schema).map((record) => ({ record, isTold: false }));
      list.add([...entries, ...list.takeAll()]);
    }
  }

  /** The records that an endpoint lists at a path, oldest first; null for another path. */
  at(path: string): readonly TypedRecord[] | null {
    const [, list] = [...this.#lists].find(([schema]) => schema.path === path) ?? [];
    return list?.records ?? null;
  }

  /** The records that listeners have, oldest first of each kind. */
  get seen(): readonly TypedRecord[] {
    const entries = [...this.#lists.values()].flatMap((list) => list.entries);
    return entries.filter(({ isTold }) => isTold).map(({ record }) => record);
  }

  onAdd(listen: (record: TypedRecord) => void): void {
    this.#listeners.push(listen);
  }
}

interface Entry {
  readonly record: TypedRecord;
  /** Whether listeners have it. */
  readonly isTold: boolean;
}

/** Beyond the limit, drops the oldest record of the place that has most, so that no place pushes out another's. */
class RecordList {
  readonly #last: (Entry & { readonly place: string })[] = [];
  readonly #sizes = new Map<string, number>();
  /** Made anew after a change only: clients can ask many thousand times a second. */
  #records: readonly TypedRecord[] | null = null;

  get entries(): readonly Entry[] {
    return this.#last;
  }

  get records(): readonly TypedRecord[] {
    this.#records ??= this.#last.map(({ record }) => record);
    return this.#records;
  }

  add(entries: readonly Entry[]): void {
    this.#records = null;
    for (const entry of entries) {
      const place = placeOfRecord(entry.record);
      this.#last.push({ ...entry, place });
      this.#sizes.set(place, (this.#sizes.get(place) ?? 0) + 1);
      if (this.#last.length > MAX_RECORDS) this.#endOne();
    }
  }

  takeAll(): readonly Entry[] {
    this.#sizes.clear();
    return this.#last.splice(0);
  }

  #endOne(): void {
    const most = Math.max(...this.#sizes.values());
    const at = this.#last.findIndex(({ place }) => this.#sizes.get(place) === most);
    for (const { place } of this.#last.splice(at, 1)) {
      if (most === 1) this.#sizes.delete(place);
      else this.#sizes.set(place, most - 1);
    }
  }
}

function placeOfRecord({ values }: TypedRecord): string {
  const { cgroup, 'container.id': containerId, 'k8s.pod.uid': podUid } = values;
  return placeOf({
    cgroup,
    ...(containerId !== undefined && { containerId }),
    ...(podUid !== undefined && { podUid }),
  }).place;
}
