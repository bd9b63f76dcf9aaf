/** Describes thrown values. Any value can be thrown, and reading it can throw, too. */
import { inspect } from 'node:util';

/** The message of an error and of the errors inside it. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return describe(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}

/** The thrown error, or an error that describes another thrown value. Never throws. */
export function errorOf(thrown: unknown): Error {
  try {
    // A getter of name, message or stack can throw.
    if (thrown instanceof Error && [thrown.name, thrown.message, thrown.stack ?? ''].every(isText)) return thrown;
  } catch {}
  return new Error(reasonOf(thrown));
}

function describe(thrown: unknown): string {
  if (thrown instanceof AggregateError) {
    const inner = thrown.errors.map(reasonOf).join('; ');
    return thrown.message === '' ? inner : `${thrown.message}: ${inner}`;
  }
  if (thrown instanceof Error) return String(thrown.message) || String(thrown.name);
  if (typeof thrown === 'string' && thrown !== '') return thrown;
  const text = inspect(thrown, { depth: 1, customInspect: false, breakLength: Number.POSITIVE_INFINITY });
  return `${text} was thrown`;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
