/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';

export const USAGE = `npm run bench -- [PART...] [OPTION...]
  --json [FILE]   writes all results as JSON: into FILE, else on standard output
  --against FILE  compares the ratios with those of an earlier run, and fails where one became worse
  --beside DIR    measures the dist/ of another checkout in turns with this one's
  --quick         a third of the rounds`;

export interface Options {
  /** The parts to run, in the order of all of them. */
  readonly parts: readonly string[];
  /** '-' stands for standard output. */
  readonly json: string | undefined;
  readonly against: string | undefined;
  readonly beside: readonly string[];
  readonly quick: boolean;
}

/** Throws an error whose message can be printed. */
export function parseArguments(args: readonly string[], all: readonly string[]): Options {
  // What follows --json is a file, unless it can be nothing of the kind.
  const isFile = (word: string | undefined): boolean =>
    word !== undefined && !word.startsWith('-') && !all.includes(word);
  const whole = args.map((arg, index) => (arg === '--json' && !isFile(args[index + 1]) ? '--json=-' : arg));
  const { values, positionals } = parseArgs({
    args: whole,
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      against: { type: 'string' },
      beside: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`There is no part "${unknown}": the parts are ${all.join(', ')}`);
  const parts = all.filter((name) => positionals.length === 0 || positionals.includes(name));
  const { json, against, beside, quick } = values;
  return { parts, json, against, beside, quick };
}
