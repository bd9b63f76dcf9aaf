/** A setting of the configuration: its default, its shape, and a sentence that describes it. */
import convict, { type SchemaObj } from 'convict';
import { oneOf, type Shape } from './shapes.ts';

/** Traits of a few settings. */
interface Traits {
  /** Never shown. */
  readonly sensitive?: true;
  /** A reload keeps the value, because it determines what is loaded into the kernel. */
  readonly needsRestart?: true;
}

const shapes = new Map<unknown, Shape>();

/**
 * One setting. Its shape becomes a named format of convict with an identity converter: without it convict turns the
 * text "9090x" into the number 9090 where the default is a number.
 */
export function setting<T>(value: T, shape: Shape, doc: string, traits: Traits = {}): SchemaObj<T> {
  const name = `floatie-${shapes.size}`;
  shapes.set(name, shape);
  convict.addFormat({ name, validate: () => undefined, coerce: (text: unknown) => text });
  return { default: value, format: name as SchemaObj<T>['format'], doc, ...traits };
}

/** A setting that is one of some words. */
export function choice<const Words extends readonly string[]>(
  value: Words[number],
  words: Words,
  doc: string,
  traits: Traits = {},
): SchemaObj<Words[number]> {
  return setting<Words[number]>(value, oneOf(...words), doc, traits);
}

/** The type of the values of settings that are declared in these sections. */
export type ValuesOf<Declared> =
  Declared extends SchemaObj<infer T> ? T : { -readonly [Key in keyof Declared]: ValuesOf<Declared[Key]> };

/** The shape of a setting. */
export function shapeOf({ format }: SchemaObj): Shape {
  const found = shapes.get(format);
  if (found === undefined) throw new Error(`No setting has the format ${format}`);
  return found;
}
