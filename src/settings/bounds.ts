/** The bounds of a histogram's buckets, as the configuration gives them. */
import { shape } from './shapes.ts';

/** The problem of a value as a histogram's bounds, or null. */
export function boundsProblem(value: unknown): string | null {
  if (!Array.isArray(value) || value.length === 0) return 'must be a list of numbers, in microseconds';
  if (value.length > 200) return 'must have at most 200 bounds';
  if (value.some((bound) => typeof bound !== 'number' || !(bound >= 0.001 && bound <= 1e9))) {
    return 'must have numbers from 0.001 to 1000000000 only, in microseconds';
  }
  if (value.some((bound) => Math.abs(Math.round(bound * 1000) - bound * 1000) > 1e-6)) {
    return 'must have whole nanoseconds: at most three decimals';
  }
  if (value.some((bound, index) => index > 0 && bound <= value[index - 1])) return 'must rise from bound to bound';
  return null;
}

export const bounds = shape(
  { type: 'array', items: { type: 'number', minimum: 0.001, maximum: 1e9 }, minItems: 1, maxItems: 200 },
  boundsProblem,
);
