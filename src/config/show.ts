/** A value in a message. */
import { withoutPasswords } from './secrets.ts';

/** A value as it would be written, shortened. */
export function show(value: unknown): string {
  try {
    const text = withoutPasswords(JSON.stringify(value) ?? String(value));
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
  } catch {
    return 'a value that holds itself';
  }
}
