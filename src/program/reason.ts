/** What was thrown, in words: anything can be thrown, and reading it can throw, too. */
import { inspect } from 'node:util';

/** What an error says, with what the errors inside it say. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return describe(thrown);
  } catch {
    return 'an error that cannot be read';
  }
}

/** The error itself, or one that says what was thrown in its place. Never throws. */
export function errorOf(thrown: unknown): Error {
  try {
    // Whoever gets it reads these, and reading can throw.
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
