/** The records of the last kills, in memory, and those who want each of a kill that was seen at once. */

import { placeOf } from '../containers/place.ts';
import type { OomRecord } from './record.ts';

/** How many are kept. */
const MAX_RECORDS = 1000;

export class OomRecords {
  readonly #last: { readonly record: OomRecord; readonly place: string }[] = [];
  readonly #sizes = new Map<string, number>();
  readonly #listeners: ((record: OomRecord) => void)[] = [];

  add(record: OomRecord): void {
    this.#keep(record);
    for (const listen of this.#listeners) listen(record);
  }

  /** Records of kills before the start: they are listed, and nobody is told. */
  remember(past: readonly OomRecord[]): void {
    const later = this.#last.splice(0);
    this.#sizes.clear();
    for (const record of [...past, ...later.map(({ record }) => record)]) this.#keep(record);
  }

  /** Oldest first. */
  get last(): readonly OomRecord[] {
    return this.#last.map(({ record }) => record);
  }

  /** Those of kills that were seen. */
  get seen(): readonly OomRecord[] {
    return this.last.filter(({ read_from }) => read_from === undefined);
  }

  onAdd(listen: (record: OomRecord) => void): void {
    this.#listeners.push(listen);
  }

  /** Where there are too many, the oldest one ends of the place that has most: nobody's kills push out another's. */
  #keep(record: OomRecord): void {
    const place = placeOfRecord(record);
    this.#last.push({ record, place });
    this.#sizes.set(place, (this.#sizes.get(place) ?? 0) + 1);
    if (this.#last.length <= MAX_RECORDS) return;
    const most = Math.max(...this.#sizes.values());
    const at = this.#last.findIndex(({ place }) => this.#sizes.get(place) === most);
    for (const { place } of this.#last.splice(at, 1)) {
      if (most === 1) this.#sizes.delete(place);
      else this.#sizes.set(place, most - 1);
    }
  }
}

function placeOfRecord({ cgroup, container_id, k8s_pod_uid }: OomRecord): string {
  return placeOf({
    cgroup: String(cgroup),
    ...(container_id !== undefined && { containerId: String(container_id) }),
    ...(k8s_pod_uid !== undefined && { podUid: String(k8s_pod_uid) }),
  }).place;
}
