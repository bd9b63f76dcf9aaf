/** `${env:NAME}` and `${env:NAME:-default}` in values, as the OpenTelemetry Collector has them. */
import { parseDocument } from 'yaml';

type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$|\$\{([^}]*)\}/g;
const VARIABLE = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-((?:(?!\$\{).)*))?$/s;

/**
 * A text with the variables in their places, and a dollar for `$$`. A variable that is not set is nothing, unless it has
 * a default; one that is set to nothing is nothing.
 * @param onUnset told of each variable that is not set and has no default
 * @throws an Error that says what a reference must look like
 */
export function substitute(text: string, env: Env, onUnset: (name: string) => void = () => undefined): string {
  return text.replace(REFERENCE, (reference, inner: string | undefined) => {
    if (inner === undefined) return '$';
    const [match, name = '', otherwise] = VARIABLE.exec(inner) ?? [];
    if (match === undefined) {
      throw new Error(`must look like $\{env:NAME} or $\{env:NAME:-default}, not ${reference}; write $$ for a dollar`);
    }
    const value = env[name] ?? otherwise;
    if (value === undefined) onUnset(name);
    return value ?? '';
  });
}

/** What YAML reads in a text: a number, a list …; what is no YAML stays a text. */
export function readScalar(text: string): unknown {
  const document = parseDocument(text);
  if (document.errors.length > 0) return text;
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return text; // an alias of nothing
  }
}
