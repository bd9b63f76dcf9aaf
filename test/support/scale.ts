/** How much tests do: the whole of it, or a part (TEST_SCALE) where the machine is emulated. */
export function scaled(count: number): number {
  return Math.ceil(count * Number(process.env.TEST_SCALE ?? 1));
}
