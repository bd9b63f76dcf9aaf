/** The forms of a line of the log: for people, as JSON, and as logfmt. */
import { isatty } from 'node:tty';
import { styleText } from 'node:util';

export const LOG_FORMATS = ['text', 'json', 'logfmt'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined | readonly object[]>>;

type Line = (time: string, level: Level, message: string, fields: Fields) => string;

/** Fields of a line itself; a record's own field of that name is `event_time` there. */
const OWN: ReadonlySet<string> = new Set(['time', 'level', 'message', 'msg']);

export const LINES: Readonly<Record<LogFormat, Line>> = {
  text(time, level, message, fields) {
    return `${time} ${level.padEnd(5)} ${message}${entriesOf(fields)
      .map(
        ([name, value]) =>
          ` ${name}=${typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : value}`,
      )
      .join('')}`;
  },
  json(time, level, message, fields) {
    return JSON.stringify({ time, level, message, ...Object.fromEntries(apart(fields)) });
  },
  logfmt(time, level, message, fields) {
    const pairs: [string, Fields[string]][] = [['time', time], ['level', level], ['msg', message], ...apart(fields)];
    return pairs.map(([name, value]) => `${name.replace(/[\s"=]/g, '_')}=${logfmtValue(value)}`).join(' ');
  },
};

function entriesOf(fields: Fields): [string, Fields[string]][] {
  return Object.entries(fields).filter(([, value]) => value !== undefined);
}

function apart(fields: Fields): [string, Fields[string]][] {
  return entriesOf(fields).map(([name, value]) => [OWN.has(name) ? `event_${name}` : name, value]);
}

/** Quoted where it is needed: https://pkg.go.dev/github.com/kr/logfmt. */
function logfmtValue(value: Fields[string]): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text);
}

const COLOURS = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

/** A line of text with its level in colour. It begins with 24 characters of time. */
export function coloured(line: string, level: Level): string {
  const [begin, end] = [line.indexOf(' ') + 1, line.indexOf(' ') + 1 + level.length];
  return line.slice(0, begin) + styleText(COLOURS[level], level, { validateStream: false }) + line.slice(end);
}

/** Whether what is written there is for a person who wants colours: https://no-color.org. */
export function wantsColours(fd: 1 | 2): boolean {
  const { NO_COLOR = '', TERM } = process.env;
  return isatty(fd) && NO_COLOR === '' && TERM !== 'dumb';
}
