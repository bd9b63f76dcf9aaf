/** What a command is, and what it is called with. */
import type { Sources } from '../config/load.ts';
import type { FlagName } from './flags.ts';

/** A row of the table of commands. */
export interface Command {
  readonly name: string;
  /** What it does, as one line of the help. */
  readonly does: string;
  /** Paragraphs of `floatie help NAME`, of lines up to 100 characters. */
  readonly more?: string;
  /** The words for what may follow it, such as `[CONTAINER]` or `bash|zsh`; the last one may be `[WORD…]`. */
  readonly operands?: readonly string[];
  /** Its own flags; those that every command has need not be named. */
  readonly flags?: readonly FlagName[];
  /** No help and no completion has it. */
  readonly isHidden?: true;
  /** Imports what it does. Absent for commands about the command line itself, which main.ts does. */
  load?(): Promise<{
    /** @returns whether it went well: exit code 0 or 1. Throws ConfigError or UsageError for exit code 2 */
    execute(call: Call): boolean | Promise<boolean>;
  }>;
}

export interface Call {
  /** The name of the command. */
  readonly command: string;
  /** Where the configuration comes from: `loadTelling(sources)` loads it. */
  readonly sources: Sources;
  /** What follows the command. */
  readonly operands: readonly string[];
  /** The values of flags, by name: texts, or true. */
  readonly flags: Readonly<Partial<Record<FlagName, string | true>>>;
  /** `--json` is there. */
  readonly json: boolean;
}

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override name = 'UsageError';
}
