/** `${env:NAME}` and `${env:NAME:-default}` in values, as in the OpenTelemetry Collector. */
import { parseDocument } from 'yaml';

type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$|\$\{([^}]*)\}/g;
const VARIABLE = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-((?:(?!\$\{).)*))?$/s;

/**
 * Replaces references by their variables' values, and `$$` by a dollar. The value of an unset variable is its default,
 * or empty; the value of an empty variable is empty.
 * @param onUnset called for each unset variable without a default
 * @throws an Error with the syntax of references
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

/** The value that YAML reads in a text, such as a number or a list; the text itself where it is no YAML. */
export function readScalar(text: string): unknown {
  const document = parseDocument(text);
  if (document.errors.length > 0) return text;
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return text; // an alias without an anchor
  }
}
