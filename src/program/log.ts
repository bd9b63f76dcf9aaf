/** The log: on stderr, one line a fact, for people or (as JSON) for programs. */

import { monotonicMs, wallMs } from './clock.ts';
import { REDACTED, withoutPasswords } from './secrets.ts';
import { standardError } from './standard-error.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined | readonly object[]>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** Another level, format and secrets, from now on; absent where those are not for the configuration to say. */
  configure?(level: Level, format: 'text' | 'json', secrets: readonly string[]): void;
}

const ORDER: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/**
 * @param write takes each line; standard error when left out
 * @param secrets what no line may show, such as the headers of exporters; {@link Logger.configure} replaces them
 */
export function createLogger(
  initialLevel: Level,
  initialFormat: 'text' | 'json',
  write?: (line: string) => void,
  initialSecrets: readonly string[] = [],
): Logger {
  let [level, format, secrets] = [initialLevel, initialFormat, initialSecrets];
  const lineOf = (at: Level, message: string, fields: Fields): string => {
    const time = new Date(wallMs()).toISOString();
    const line =
      format === 'json' ? JSON.stringify({ time, level: at, message, ...fields }) : text(time, at, message, fields);
    return `${oneLine(withoutSecrets(line, secrets))}\n`;
  };
  if (write === undefined) {
    standardError.describeLost = (lost) =>
      lineOf('warn', 'Lines of the log are lost: they could not be written', { lost });
  }
  const put = write ?? ((line) => standardError.write(line));
  const log =
    (at: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (ORDER.indexOf(at) >= ORDER.indexOf(level)) put(lineOf(at, message, fields));
    };
  return {
    ...{ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    configure(nextLevel, nextFormat, nextSecrets) {
      [level, format, secrets] = [nextLevel, nextFormat, nextSecrets];
    },
  };
}

function text(time: string, level: Level, message: string, fields: Fields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        ` ${name}=${typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : value}`,
    );
  return `${time} ${level.padEnd(5)} ${message}${pairs.join('')}`;
}

/** Whatever is in it: nothing can begin a line of its own, or tell a terminal what to do. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What is this short could be anything, and is no secret. */
const MIN_SECRET = 4;

/** Also as JSON writes them, and without the passwords of URLs. */
export function withoutSecrets(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets
    .filter((secret) => secret.length >= MIN_SECRET)
    .reduce((line, secret) => {
      const inJson = JSON.stringify(secret).slice(1, -1);
      return line.replaceAll(secret, REDACTED).replaceAll(inJson, REDACTED);
    }, text);
  return withoutPasswords(hidden);
}

/** How often a line of one kind is told, in ms. */
const SILENCE_MS = 60_000;

export interface LimitedLogger extends Logger {
  /** The next line of this kind is told at once. @returns whether one was told lately */
  forget(kind: string): boolean;
}

/**
 * The same log for what can happen again and again: one line a minute of each kind, which is its message up to a colon;
 * the next one says how many were left out.
 */
export function withoutRepetition(log: Logger): LimitedLogger {
  const told = new Map<string, { readonly untilMs: number; suppressed: number }>();
  const limit =
    (at: Level) =>
    (message: string, fields: Fields = {}): void => {
      const kind = message.split(': ', 1)[0] ?? '';
      const before = told.get(kind);
      if (before !== undefined && monotonicMs() < before.untilMs) {
        before.suppressed++;
        return;
      }
      told.set(kind, { untilMs: monotonicMs() + SILENCE_MS, suppressed: 0 });
      log[at](
        message,
        before === undefined || before.suppressed === 0 ? fields : { ...fields, suppressed: before.suppressed },
      );
    };
  return {
    ...{ debug: limit('debug'), info: limit('info'), warn: limit('warn'), error: limit('error') },
    forget: (kind) => told.delete(kind),
  };
}
