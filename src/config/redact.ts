/** The secrets of a configuration. */

import { REDACTED, withoutPasswords } from '../program/secrets.ts';
import { isRecord } from '../settings/shapes.ts';
import { pairsOf } from './environment.ts';
import { isSensitive } from './keys.ts';
import type { Config } from './schema.ts';

/** The settings, with the sensitive ones and passwords in URLs redacted. */
export function redact({ inherited: _, ...settings }: Config): unknown {
  const visit = (node: unknown, path: readonly string[], isSecret: boolean): unknown => {
    if (typeof node === 'string') return isSecret ? REDACTED : withoutPasswords(node);
    if (!isRecord(node)) return node;
    const entries = Object.entries(node).map(([name, child]) => {
      const inner = [...path, name];
      return [name, visit(child, inner, isSecret || isSensitive(inner.join('.')))];
    });
    return Object.fromEntries(entries);
  };
  return visit(settings, [], false);
}

/**
 * The texts of sensitive settings, of headers in OpenTelemetry's variables too, and the words in them: a header has its
 * token behind "Bearer".
 */
export function secretsOf({ inherited, ...settings }: Config): string[] {
  const visit = (node: unknown, path: readonly string[], isSecret: boolean): string[] => {
    if (typeof node === 'string') return isSecret ? textsOf(node) : [];
    if (!isRecord(node)) return [];
    return Object.entries(node).flatMap(([name, child]) => {
      const inner = [...path, name];
      return visit(child, inner, isSecret || isSensitive(inner.join('.')));
    });
  };
  const { metrics, logs } = inherited.otlp;
  const headers = [...metrics.headers, ...logs.headers].flatMap((list) =>
    (pairsOf(list) ?? []).map(([, value]) => value),
  );
  return [...visit(settings, [], false), ...headers.flatMap(textsOf)].filter(
    (text) => !/^(bearer|basic)?$/i.test(text),
  );
}

function textsOf(secret: string): string[] {
  return [secret, ...secret.split(' ')];
}
