/** What an error says, with what the errors inside it say. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return `${error.message}: ${error.errors.map(reasonOf).join('; ')}`;
  return error instanceof Error ? error.message : String(error);
}
