/** A configuration file: its values, their lines, and the variables in them. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { firstOf, MAX_TOLD, partsOf, showPath } from '../settings/show.ts';
import { ConfigError } from './error.ts';
import { readWhole } from './file.ts';
import { nearest } from './nearest.ts';
import { readScalar, substitute } from './substitution.ts';

type Path = readonly (string | number)[];

export interface ConfigDocument {
  /** The values; variables in them have the type that YAML reads in their text. */
  readonly values: unknown;
  /** The values; variables in them are texts. */
  readonly texts: unknown;
  /** Problems of invalid references to variables. */
  readonly problems: readonly string[];
  /** Warnings about variables that are not set. */
  readonly warnings: readonly string[];
  /** Texts that no message may show: those with a variable in them, and the values that YAML reads in these. */
  readonly hidden: readonly string[];
  /** `file:line` of a key, or of the nearest one above it. */
  placeOf(path: Path): string;
}

/**
 * @param env null leaves `${env:NAME}` as it is
 * @throws {@link ConfigError}
 */
export function readDocument(file: string, env: Env | null): ConfigDocument {
  return documentOf(readText(file), file, env);
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * @param file the name of the source, for messages
 * @throws {@link ConfigError}
 */
export function documentOf(text: string, file: string, env: Env | null): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    merge: true,
    prettyErrors: true,
    lineCounter: lines,
    // The parser's warnings quote the file; checking for duplicate keys takes quadratic time.
    logLevel: 'error',
    uniqueKeys: false,
  });
  const errors = [...document.errors.map(withoutText), ...repeatedKeys(document, lines)];
  if (errors.length > 0) throw new ConfigError(firstOf(errors, 'problems').map((error) => `${file}: ${error}`));
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
      const unset = (name: string): void => {
        if (warnings.length >= MAX_TOLD) return;
        const meant = nearest(name, Object.keys(env));
        const cure = `write $\{env:${name}:-} where that is meant${meant}`;
        warnings.push(
          `${placeOf(path)}: ${showPath(path)}: the variable ${name} is not set and counts as nothing; ${cure}`,
        );
      };
      try {
        texts.set(node, substitute(node.value, env, unset));
      } catch (error) {
        if (problems.length < MAX_TOLD)
          problems.push(`${placeOf(path)}: ${showPath(path)}: ${(error as Error).message}`);
      }
    },
  });
  try {
    for (const [node, text] of texts) node.value = text;
    const asTexts: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
    const hidden = [...texts.values()].flatMap((text) => [text, ...partsOf(readScalar(text))]);
    const others = { texts: asTexts, problems, warnings, hidden, placeOf };
    if (texts.size === 0) return { values: asTexts, ...others };
    for (const [node, text] of texts) node.value = readScalar(text);
    return { values: document.toJS({ maxAliasCount: 100 }) ?? {}, ...others };
  } catch (error) {
    throw new ConfigError([`${file}: ${withoutText(error as Error)}`]);
  }
}

function readText(file: string): string {
  try {
    return readWhole(file).toString();
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read: ${(error as Error).message}`]);
  }
}

/** A parser's message with its position but without the quoted lines: the file may be one of passwords. */
function withoutText({ message }: Error): string {
  const [line = ''] = message.split('\n');
  const [, what = line, where = ''] = /^(.*?)( at line \d+, column \d+)?:?$/.exec(line) ?? [];
  return what.replace(/[:`"\\].*$/, '').trim() + where;
}

function repeatedKeys(document: Document.Parsed, lines: LineCounter): string[] {
  const problems: string[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const { line, col } = lines.linePos(key.range?.[0] ?? 0);
        if (seen.has(key.value)) problems.push(`Map keys must be unique at line ${line}, column ${col}`);
        seen.add(key.value);
      }
    },
  });
  return problems;
}

/** The offset of a key, or of the nearest key above it. */
function offsetOf(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = pairsOf(node).get(String(part)) ?? mergedPair(node, String(part), document);
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

/** The pair that comes into a mapping by `<<`. */
function mergedPair(map: YAMLMap, key: string, document: Document.Parsed): Pair | undefined {
  const sources = map.items.flatMap((pair) =>
    isScalar(pair.key) && typeof pair.key.value === 'symbol' ? pair.value : [],
  );
  for (const source of sources.flatMap((node) => (isSeq(node) ? node.items : node))) {
    const merged = isAlias(source) ? source.resolve(document) : source;
    const pair = isMap(merged) ? pairsOf(merged).get(key) : undefined;
    if (pair !== undefined) return pair;
  }
  return undefined;
}

/** The pairs of a mapping by key; of a duplicate key the first pair. */
function pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
  const known = pairs.get(map);
  if (known !== undefined) return known;
  const found = new Map(map.items.toReversed().map((pair) => [isScalar(pair.key) ? String(pair.key.value) : '', pair]));
  pairs.set(map, found);
  return found;
}

const pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
