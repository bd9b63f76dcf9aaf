/** A configuration file: its values, the lines where they are, and the environment's values inside them. */
import { readFileSync, statSync } from 'node:fs';
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { ConfigError } from './error.ts';
import { nearest } from './nearest.ts';
import { readScalar, substitute } from './substitution.ts';

type Path = readonly (string | number)[];

export interface ConfigDocument {
  /** What stands for `${env:NAME}` has the type that YAML gives it. */
  readonly values: unknown;
  /** The same, where what stands for `${env:NAME}` is a text. */
  readonly texts: unknown;
  /** References to variables that cannot be understood. */
  readonly problems: readonly string[];
  /** References to variables that are not set. */
  readonly warnings: readonly string[];
  /** `file:line` of a key, or of the nearest one above it. */
  placeOf(path: Path): string;
}

const MAX_FILE_BYTES = 1 << 20;

/**
 * @param env null: `${env:NAME}` stands for itself
 * @throws {@link ConfigError}
 */
export function readDocument(file: string, env: Readonly<Record<string, string | undefined>> | null): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { prettyErrors: true, lineCounter: lines });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ message }) => `${file}: ${message.split('\n')[0]?.replace(/:$/, '')}`),
    );
  }
  const { contents } = document;
  const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
  if (!isEmpty && !isMap(contents)) {
    throw new ConfigError([`${file}: must hold sections such as "receivers:" and "exporters:"`]);
  }
  const placeOf = (path: Path): string => `${file}:${lines.linePos(offsetOf(document, path)).line}`;
  const problems: string[] = [];
  const warnings: string[] = [];
  const texts = new Map<{ value: unknown }, string>();
  visit(document, {
    Scalar(key, node, ancestors) {
      if (env === null || key === 'key' || typeof node.value !== 'string' || !node.value.includes('$')) return;
      const path = ancestors.flatMap((ancestor) =>
        isPair(ancestor) && isScalar(ancestor.key) ? [String(ancestor.key.value)] : [],
      );
      const place = `${placeOf(path)}: ${path.join('.')}`;
      const unset = (name: string): void => {
        const meant = nearest(name, Object.keys(env));
        const cure = `write $\{env:${name}:-} where that is meant${meant}`;
        warnings.push(`${place}: the variable ${name} is not set and counts as nothing; ${cure}`);
      };
      try {
        texts.set(node, substitute(node.value, env, unset));
      } catch (error) {
        problems.push(`${place}: ${(error as Error).message}`);
      }
    },
  });
  try {
    for (const [node, text] of texts) node.value = text;
    const asTexts: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
    if (texts.size === 0) return { values: asTexts, texts: asTexts, problems, warnings, placeOf };
    for (const [node, text] of texts) node.value = readScalar(text);
    return { values: document.toJS({ maxAliasCount: 100 }) ?? {}, texts: asTexts, problems, warnings, placeOf };
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`]);
  }
}

function readText(file: string): string {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new Error('it is larger than 1 MiB');
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read: ${(error as Error).message}`]);
  }
}

/** Where in the text the key is, as far as it can be followed. */
function offsetOf(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) break;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = (node as { range?: [number] } | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}
