/** What OpenTelemetry's SDK, and by way of it gRPC, say of themselves goes into our log. */
import { inspect } from 'node:util';
import { type DiagLogFunction, DiagLogLevel, diag } from '@opentelemetry/api';
import { type Level, type Logger, withoutRepetition } from './log.ts';
import { reasonOf } from './reason.ts';

/** Where OpenTelemetry's API keeps what is one for the process, so that its copies share it: the logger of diag, too. */
const SHARED = Symbol.for('opentelemetry.js.api.1');
const MAX_LENGTH = 500;

function current(): unknown {
  return (globalThis as { [SHARED]?: { readonly diag?: unknown } })[SHARED]?.diag;
}

/**
 * Takes them, unless the program around us has a logger for them already.
 *
 * @param level the least important ones that are worth their text
 * @returns what ends it
 */
export function takeDiagnostics(log: Logger, level: Level): () => void {
  if (current() !== undefined) return () => undefined;
  const limited = withoutRepetition(log);
  const say =
    (to: Logger, at: Level): DiagLogFunction =>
    (...parts) =>
      to[at](`OpenTelemetry says ${parts.map(textOf).join(' ').slice(0, MAX_LENGTH)}`);
  const [error, warn, info] = [say(limited, 'error'), say(limited, 'warn'), say(limited, 'info')];
  const debug = say(log, 'debug'); // whoever asks for these wants all
  const logLevel = level === 'debug' ? DiagLogLevel.ALL : DiagLogLevel.INFO;
  diag.setLogger({ error, warn, info, debug, verbose: debug }, { logLevel });
  const ours = current();
  return () => {
    if (current() === ours) diag.disable();
  };
}

function textOf(part: unknown): string {
  if (typeof part === 'string') return messageIn(part) ?? part;
  if (part instanceof Error) return reasonOf(part);
  return inspect(part, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 10, maxStringLength: 200 });
}

/** OpenTelemetry's handler of errors writes them as JSON, with their stack. */
function messageIn(text: string): string | undefined {
  if (!text.startsWith('{"stack":')) return;
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return;
  }
}
