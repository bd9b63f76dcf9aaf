/** The outcome of loading any configuration. */
import { ConfigError, loadConfig, type Sources } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';

/** The configuration, or its problems. Rethrows all other errors. */
export function outcomeOf(sources: Sources): Config | readonly string[] {
  try {
    return loadConfig(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw new Error(`This is no ConfigError: ${error}`, { cause: error });
  }
}

export function ownKeys(): PropertyKey[] {
  return [Object.prototype, Array.prototype, Function.prototype].flatMap((prototype) => Reflect.ownKeys(prototype));
}
