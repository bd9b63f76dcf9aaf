/** Puts the diagnostic messages of OpenTelemetry's SDK, and of gRPC through it, into Floatie's log. */
import { inspect } from 'node:util';
import { type DiagLogFunction, DiagLogLevel, diag } from '@opentelemetry/api';
import { type Level, type Logger, withoutRepetition } from './log.ts';
import { reasonOf } from './reason.ts';

/** All copies of OpenTelemetry's API in a process share their globals under this symbol, also the logger of diag. */
const SHARED = Symbol.for('opentelemetry.js.api.1');
const MAX_LENGTH = 500;

function current(): unknown {
  return (globalThis as { [SHARED]?: { readonly diag?: unknown } })[SHARED]?.diag;
}

/**
 * Registers Floatie's log as the diagnostic logger, unless the embedding program has registered one.
 *
 * @param level the lowest level that the log prints
 * @returns a function that unregisters the log
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

/** OpenTelemetry's global error handler logs errors as JSON, with their stack. */
function messageIn(text: string): string | undefined {
  if (!text.startsWith('{"stack":')) return;
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return;
  }
}
