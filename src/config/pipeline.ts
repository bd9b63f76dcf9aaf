/** The instances in a pipeline: `type`, or `type/name`. */

export interface Instance<T> {
  readonly name: string;
  readonly settings: T;
}

/** The instances of one type, in the order of the pipeline. */
export function instancesOf<T>(section: object, names: readonly string[], type: string): Instance<T>[] {
  const byName = section as Record<string, T>;
  return names.flatMap((name) => {
    const settings = typeOf(name) === type ? byName[name] : undefined;
    return settings === undefined ? [] : [{ name, settings }];
  });
}

/** `otlp/eu` → `otlp`. */
export function typeOf(name: string): string {
  return name.split('/')[0] ?? '';
}
