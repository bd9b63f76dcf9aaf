/** Completes a command line: `floatie __complete WORD…`, which the scripts of `floatie completion SHELL` call. */
import { keys, settingOf, templateOf } from '../config/keys.ts';
import { spellings } from '../config/spellings.ts';
import { isKey, writableLike } from '../config/writable.ts';
import { shapeOf } from '../settings/setting.ts';
import type { JsonSchema } from '../settings/shapes.ts';
import { type Flag, flags } from './flags.ts';
import { commandNamed, commands } from './table.ts';

export interface Candidate {
  /** The whole word. One that ends in "=" goes on with its value. */
  readonly word: string;
  readonly does?: string;
}

/** The shell completes names of files. */
export const FILES = ':files';

/**
 * @param words behind `floatie`; the last one is completed, and may be empty
 * @returns what the last word may become, or FILES
 */
export function complete(words: readonly string[]): readonly Candidate[] | typeof FILES {
  const current = words.at(-1) ?? '';
  const [before, command] = [words.slice(0, -1), commandIn(words.slice(0, -1))];
  const [, name, value] = /^--([\w.-]+)=(.*)$/s.exec(current) ?? [];
  if (name !== undefined) return valuesOf(name, value ?? '', `--${name}=`);
  const waiting = flagNamed(before.at(-1) ?? '');
  if (waiting?.[1].value !== undefined) return valuesOf(waiting[0], current, '');
  if (current.startsWith('-')) {
    const own = commandNamed(command ?? 'run')?.flags ?? [];
    const known = flags.filter(([flag, { isOfCommand }]) => isOfCommand !== true || own.includes(flag));
    return startingWith(
      current,
      known.map(([flag, { does }]) => ({ word: `--${flag}`, does: does.split('\n')[0] ?? '' })),
    );
  }
  const shown = commands.filter(({ isHidden }) => isHidden !== true).map(({ name: word, does }) => ({ word, does }));
  if (command === undefined || command === 'help') return startingWith(current, shown);
  return startingWith(
    current,
    operandsOf(command).map((word) => ({ word })),
  );
}

/** Those that are words themselves, as in `bash|zsh`, and no names for them, as `[CONTAINER]`. */
function operandsOf(command: string): string[] {
  const words = commandNamed(command)?.operands?.flatMap((operand) => operand.replace(/[[\]…]/g, '').split('|')) ?? [];
  return words.filter((word) => /^[a-z]/.test(word));
}

/** One line for each candidate: the word, and behind a tab what it does. */
export function linesOf(found: ReturnType<typeof complete>): string {
  if (found === FILES) return `${FILES}\n`;
  return found.map(({ word, does }) => `${word}${does === undefined ? '' : `\t${does}`}\n`).join('');
}

function flagNamed(word: string): (typeof flags)[number] | undefined {
  return flags.find(([name, { short }]) => word === `--${name}` || (short !== undefined && word === `-${short}`));
}

/** The first word that is neither a flag nor the value of one. */
function commandIn(words: readonly string[]): string | undefined {
  return words.find(
    (word, index) => !word.startsWith('-') && flagNamed(words[index - 1] ?? '')?.[1].value === undefined,
  );
}

/** @param prefix what stands before the value in the same word, such as `--set=` */
function valuesOf(name: string, value: string, prefix: string): readonly Candidate[] | typeof FILES {
  const flag: Flag | undefined = flags.find(([known]) => known === name)?.[1];
  if (flag?.value === 'FILE') return FILES;
  const found = name === 'set' ? pairs(value) : flag?.key === undefined ? [] : valuesOfKey(flag.key);
  return startingWith(value, found).map(({ word, ...rest }) => ({ word: prefix + word, ...rest }));
}

/** `KEY=`, and behind the equals sign the values that the key can have. */
function pairs(pair: string): Candidate[] {
  const [, key, list = ''] = /^([^=]+)=((?:.*,)?)/s.exec(pair) ?? [];
  if (key === undefined) return writableLike(pair).map((word) => ({ word: `${word}=`, does: docOf(templateOf(word)) }));
  return isKey(key) ? valuesOfKey(key).map(({ word }) => ({ word: `${key}=${list}${word}` })) : [];
}

function docOf(key: string): string {
  return spellings.get(key)?.doc ?? settingOf(key).doc ?? '';
}

/** The words of an enum, or of the items of a list. */
function valuesOfKey(key: string): Candidate[] {
  const template = templateOf(key);
  const json = keys.includes(template) ? shapeOf(settingOf(template)).json : spellings.get(template)?.json;
  return wordsOf(json ?? {}).map((word) => ({ word }));
}

function wordsOf(json: JsonSchema): string[] {
  if (json.type === 'boolean') return ['true', 'false'];
  if (Array.isArray(json.enum)) return json.enum.map(String);
  const inner = [json.items, ...(Array.isArray(json.anyOf) ? json.anyOf : [])];
  return inner.flatMap((one) => (typeof one === 'object' && one !== null ? wordsOf(one as JsonSchema) : []));
}

function startingWith(word: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter((candidate) => candidate.word.startsWith(word));
}
