/** The values of keys, as a file, a variable or a flag gives them. */
import { withoutVariables } from '../settings/show.ts';
import type { ConfigDocument } from './document.ts';
import type { Env } from './environment.ts';
import { INSTANCE, siblingOf, templateOf } from './keys.ts';
import { problemOf, spellings } from './spellings.ts';

export interface Sources {
  /** A YAML file; undefined for none. */
  readonly file?: string | undefined;
  /** YAML of the command line, over that of the file: `--config=yaml:…`. */
  readonly texts?: readonly { readonly origin: string; readonly text: string }[];
  /** Files of the command line that do not count. */
  readonly ignoredFiles?: readonly string[];
  /** The process's environment by default. */
  readonly env?: Env | undefined;
  /** `key=value` pairs of `--set`. */
  readonly set?: readonly string[];
  /** Flags for one key, such as `--max-map-entries`. */
  readonly flags?: readonly { readonly flag: string; readonly key: string; readonly value: string }[];
}

export interface Given {
  readonly value: unknown;
  /** The value with its variables as texts, for settings that are texts. */
  readonly text?: unknown;
  /** The source of the value, for messages. */
  readonly origin: string;
  readonly placeOf?: ConfigDocument['placeOf'];
  /** Parts of the value that no message may show, since they come from variables. */
  readonly hidden?: readonly string[];
}

export interface Everything {
  /** By key. */
  readonly values: Map<string, Given>;
  /** Named instances, such as `exporters.otlp/eu`. */
  readonly instances: Set<string>;
  readonly problems: string[];
  readonly warnings: string[];
}

/** The keys that one source has given, each with the spelling that it has there. */
export type Written = Map<string, string>;

/**
 * Keeps a value, for the settings that its key stands for.
 * @param written the keys of a source that may say each setting only once; where it is left out, the last one counts
 */
export function give(key: string, given: Given, all: Everything, written: Written = new Map()): void {
  addInstance(key, all.instances);
  const spelling = spellings.get(templateOf(key));
  const { origin, hidden } = given;
  const targets = (spelling?.of ?? [templateOf(key)]).map((of) => siblingOf(key, of));
  const others = new Set(targets.flatMap((target) => written.get(target) ?? []));
  others.delete(key);
  for (const target of targets) written.set(target, key);
  for (const other of others) {
    all.problems.push(`${key}: says the same as ${other}; keep one of them (from ${origin})`);
  }
  if (others.size > 0) return;
  if (spelling === undefined) {
    all.values.set(key, given);
    return;
  }
  const values = spelling.read(given.text ?? given.value);
  if (typeof values === 'string') {
    const isShown = hidden === undefined && !origin.startsWith('FLOATIE_');
    const problem = problemOf(key, values, given.value, isShown);
    all.problems.push(`${withoutVariables(problem, hidden ?? [])} (from ${origin})`);
    return;
  }
  for (const [index, target] of targets.entries()) {
    all.values.set(target, { value: values[index], origin, ...(hidden !== undefined && { hidden }) });
  }
}

/** @param instances such as `exporters.otlp/eu` */
export function addInstance(key: string, instances: Set<string>): void {
  const instance = INSTANCE.exec(key)?.[0];
  if (instance !== undefined) instances.add(instance);
}
