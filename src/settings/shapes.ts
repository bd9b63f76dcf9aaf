/** The shapes of settings: each finds the problems of a value, and says the same to editors as JSON Schema. */

import { showKey } from './show.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Shape {
  readonly json: JsonSchema;
  /** The problems of a value; each begins with its key, which is `key` or one below it. */
  problems(value: unknown, key: string): string[];
}

/** @param problemOf the problem of a value, or null */
export function shape(json: JsonSchema, problemOf: (value: unknown) => string | null): Shape {
  return {
    json,
    problems(value, key) {
      const problem = problemOf(value);
      return problem === null ? [] : [`${key}: ${problem}`];
    },
  };
}

/** A shape with one message for every wrong value: `must be …`. */
export function must(be: string, json: JsonSchema, isRight: (value: unknown) => boolean): Shape {
  return shape(json, (value) => (isRight(value) ? null : `must be ${be}`));
}

export const boolean = must('true or false', { type: 'boolean' }, (value) => typeof value === 'boolean');

/** A text with a lone surrogate, which only an escape of YAML can write, would make OTLP lose its whole batch. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

export const text = must('a text', { type: 'string', minLength: 1 }, (value) => isText(value) && value !== '');

export const anyText = must('a text', { type: 'string' }, isText);

/** OpenTelemetry writes `drop:` with nothing behind it, or with an empty mapping. */
export const nothing: Shape = shape({ type: ['object', 'null'], maxProperties: 0 }, (value) =>
  value === null || (isRecord(value) && Object.keys(value).length === 0) ? null : 'must have nothing in it',
);

export function integer(minimum: number, maximum: number = Number.POSITIVE_INFINITY): Shape {
  const isEndless = maximum === Number.POSITIVE_INFINITY;
  return must(
    `a whole number from ${minimum} ${isEndless ? 'on' : `to ${maximum}`}`,
    { type: 'integer', minimum, ...(!isEndless && { maximum }) },
    (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
  );
}

export function oneOf(...allowed: readonly string[]): Shape {
  return must(alternatives(allowed), { enum: allowed }, (value) => allowed.includes(value as string));
}

/** `"a", "b" or "c"`. */
export function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return quoted.length === 1 ? `${quoted[0]}` : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

export function textMatching(pattern: RegExp, be: string): Shape {
  const json = { type: 'string', pattern: pattern.source };
  return must(be, json, (value) => isText(value) && pattern.test(value));
}

/** A list of texts, with one message for all of them. */
export function texts(be: string, items: Shape, options: { minItems?: number } = {}): Shape {
  const { minItems = 0 } = options;
  return must(
    be,
    { type: 'array', items: items.json, ...(minItems > 0 && { minItems }) },
    (value) =>
      Array.isArray(value) && value.length >= minItems && value.every((item) => items.problems(item, '').length === 0),
  );
}

/** A list of texts without duplicates. */
export function names(be: string, items: Shape, options: { minItems?: number } = {}): Shape {
  const list = texts(be, items, options);
  return {
    json: { ...list.json, uniqueItems: true },
    problems(value, key) {
      const problems = list.problems(value, key);
      if (problems.length > 0 || new Set(value as string[]).size === (value as string[]).length) return problems;
      return [`${key}: must name each only once`];
    },
  };
}

/** A list whose items have messages of their own. */
export function listOf(be: string, item: Shape): Shape {
  return {
    json: { type: 'array', items: item.json },
    problems(value, key) {
      if (!Array.isArray(value)) return [`${key}: must be ${be}`];
      return value.flatMap((one, index) => item.problems(one, `${key}[${index}]`));
    },
  };
}

/** A mapping of names to texts, with one message for all of it. */
export function mapping(be: string, item: Shape, name = /^/): Shape {
  return must(
    be,
    { type: 'object', propertyNames: { pattern: name.source }, additionalProperties: item.json },
    (value) =>
      isRecord(value) &&
      Object.entries(value).every(
        ([key, inner]) => isText(key) && name.test(key) && item.problems(inner, '').length === 0,
      ),
  );
}

/** A mapping that may have these keys and no others. */
export function section(keys: Readonly<Record<string, Shape>>, required: readonly string[] = []): Shape {
  const known = Object.keys(keys).join(', ');
  return {
    json: {
      type: 'object',
      properties: Object.fromEntries(Object.entries(keys).map(([name, { json }]) => [name, json])),
      required,
      additionalProperties: false,
    },
    problems(value, key) {
      if (!isRecord(value)) return [`${key}: must be a mapping with ${known || 'nothing in it'}`];
      const missing = required
        .filter((name) => !Object.hasOwn(value, name))
        .map((name) => `${key}.${name}: is missing`);
      const present = Object.entries(value).flatMap(([name, child]) => {
        const inner = Object.hasOwn(keys, name) ? keys[name] : undefined;
        return (
          inner?.problems(child, `${key}.${name}`) ?? [`${key}.${showKey(name)}: unknown key; known here: ${known}`]
        );
      });
      return [...missing, ...present];
    },
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  // YAML 1.1 knows sets and dates as well.
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
