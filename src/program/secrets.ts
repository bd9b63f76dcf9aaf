/** What nobody may read in a log, a message or a printed configuration. */

export const REDACTED = '[redacted]';

/** Without the passwords of URLs, in whatever text these are. */
export function withoutPasswords(text: string): string {
  return text.replace(/(\/\/[^/\s"':]*:)[^/\s"']*@/g, `$1${REDACTED}@`);
}
