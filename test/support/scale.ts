/** Scales the amount of work in tests by TEST_SCALE, for emulated machines. */
export function scaled(count: number): number {
  return Math.ceil(count * Number(process.env.TEST_SCALE ?? 1));
}
