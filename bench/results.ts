/** What a run measures. `--json` writes a {@link Report}; the tables, docs/performance.md and `--against` read it. */
import type { Conditions } from './conditions.ts';
import { ratioOf, type Spread, spreadOf } from './statistics.ts';

export type Unit = 'ns' | 'µs' | 'ms' | 'MB' | 'kB' | 'calls' | 'samples' | 'series' | '%';

/** The name of this checkout's Floatie, with which all columns about it begin. */
export const OURS = 'Floatie';

/** Every figure is a cost: less is better. */
export interface Figure extends Spread {
  /** What is measured: a row. */
  readonly what: string;
  /** Of whom: a column. */
  readonly of: string;
  readonly unit: Unit;
  readonly rounds: number;
  /** This figure divided by that of another column. */
  readonly ratios: Readonly<Record<string, Spread>>;
  readonly aim?: Aim;
}

export interface Aim {
  readonly atMost: number;
  /** The column whose figure is the unit of the aim. */
  readonly of?: string;
}

export interface PartReport {
  readonly name: string;
  readonly title: string;
  /** How long measuring took. */
  readonly seconds: number;
  readonly figures: readonly Figure[];
  /** What was not measured and why, and what else is to be known. */
  readonly notes: readonly string[];
}

export interface Report {
  readonly conditions: Conditions;
  readonly parts: readonly PartReport[];
}

interface Row {
  readonly unit: Unit;
  readonly columns: Map<string, number[]>;
}

/** The measurements of one part. */
export class Results {
  readonly #rows = new Map<string, Row>();
  readonly #ratios: { readonly of: string; readonly than: string }[] = [];
  readonly #aims = new Map<string, Aim>();
  readonly #notes = new Set<string>();

  /** Adds what one round measured, or each of several. */
  add(what: string, of: string, unit: Unit, ...values: number[]): void {
    const row = this.#rows.get(what) ?? { unit, columns: new Map<string, number[]>() };
    this.#rows.set(what, row);
    row.columns.set(of, [...(row.columns.get(of) ?? []), ...values]);
  }

  /** Divides the figures of one column by those of another, in every row that has both. */
  compare(of: string, than: string): void {
    this.#ratios.push({ of, than });
  }

  aim(what: string, of: string, aim: Aim): void {
    this.#aims.set(JSON.stringify([what, of]), aim);
  }

  /** Tells of something once, however often it happened. */
  note(text: string): void {
    this.#notes.add(text);
  }

  get notes(): string[] {
    return [...this.#notes];
  }

  figures(): Figure[] {
    return [...this.#rows].flatMap(([what, { unit, columns }]) =>
      Array.from(columns, ([of, values]): Figure => {
        const aim = this.#aims.get(JSON.stringify([what, of]));
        const ratios = this.#ratios.flatMap(({ of: column, than }): [string, Spread][] => {
          const others = columns.get(than);
          const ratio = column === of && others !== undefined ? ratioOf(values, others) : null;
          // There is none to a peer that takes nothing.
          return ratio !== null && Number.isFinite(ratio.max) ? [[than, ratio]] : [];
        });
        return {
          ...{ what, of, unit, ...spreadOf(values), rounds: values.length, ratios: Object.fromEntries(ratios) },
          ...(aim === undefined ? {} : { aim }),
        };
      }),
    );
  }
}
