/** The log: on stderr, one line a fact, for people or (as JSON) for programs. */

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined | readonly object[]>>;

export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** Another level and format, from now on; absent where those are not for the configuration to say. */
  configure?(level: Level, format: 'text' | 'json'): void;
}

const ORDER: readonly Level[] = ['debug', 'info', 'warn', 'error'];

export function createLogger(
  initialLevel: Level,
  initialFormat: 'text' | 'json',
  write: (line: string) => void = (line) => process.stderr.write(line),
): Logger {
  let [level, format] = [initialLevel, initialFormat];
  const log =
    (at: Level) =>
    (message: string, fields: Fields = {}): void => {
      if (ORDER.indexOf(at) < ORDER.indexOf(level)) return;
      const time = new Date().toISOString();
      write(
        format === 'json'
          ? `${JSON.stringify({ time, level: at, message, ...fields })}\n`
          : text(time, at, message, fields),
      );
    };
  return {
    ...{ debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    configure(nextLevel, nextFormat) {
      [level, format] = [nextLevel, nextFormat];
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
  return `${time} ${level.padEnd(5)} ${message.replaceAll('\n', '\\n')}${pairs.join('')}\n`;
}
