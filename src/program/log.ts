/** The log on standard error: one line a message, as text for people, or as JSON or logfmt for programs. */

import { monotonicMs, wallMs } from './clock.ts';
import { coloured, type Fields, type Level, LINES, type LogFormat, wantsColours } from './log-lines.ts';
import { REDACTED, withoutPasswords } from './secrets.ts';
import { standardError } from './standard-error.ts';

export type { Fields, Level } from './log-lines.ts';

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** Changes level, format and secrets from now on. Absent where the configuration has no say in them. */
  configure?(level: Level, format: LogFormat, secrets: readonly string[]): void;
}

const ORDER: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/**
 * @param write takes each line; standard error when left out
 * @param secrets texts to redact in every line, such as headers of exporters; {@link Logger.configure} replaces them
 */
export function createLogger(
  initialLevel: Level,
  initialFormat: LogFormat,
  write?: (line: string) => void,
  initialSecrets: readonly string[] = [],
): Logger {
  let [level, format, secrets] = [initialLevel, initialFormat, initialSecrets];
  const hasColours = write === undefined && wantsColours(2);
  const lineOf = (at: Level, message: string, fields: Fields): string => {
    const time = new Date(wallMs()).toISOString();
    const line = oneLine(withoutSecrets(LINES[format](time, at, message, fields), secrets));
    return `${hasColours && format === 'text' ? coloured(line, at) : line}\n`;
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

/** Escapes control characters, so that a text can neither forge a line of the log nor control a terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Shorter secrets are not redacted: the same characters occur in ordinary texts. */
const MIN_SECRET = 4;

/** Redacts the secrets, also in JSON's notation, and the passwords of URLs. */
export function withoutSecrets(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets
    .filter((secret) => secret.length >= MIN_SECRET)
    .reduce((line, secret) => {
      const inJson = JSON.stringify(secret).slice(1, -1);
      // A list in logfmt is JSON in quotes.
      const quoted = JSON.stringify(inJson).slice(1, -1);
      return line.replaceAll(secret, REDACTED).replaceAll(inJson, REDACTED).replaceAll(quoted, REDACTED);
    }, text);
  return withoutPasswords(hidden);
}

/** The time in ms for which further lines of one kind are left out. */
const SILENCE_MS = 60_000;

export interface LimitedLogger extends Logger {
  /** Lets the next line of this kind through at once. @returns whether a line of this kind was logged lately */
  forget(kind: string): boolean;
}

/**
 * The same log for messages that can repeat: one line a minute of each kind, which is the message up to its first
 * colon. The next line of a kind says how many were left out.
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
