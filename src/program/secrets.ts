/** Redaction of secrets in the log, in messages and in a printed configuration. */

export const REDACTED = '[redacted]';

/** Redacts the passwords of all URLs in a text. */
export function withoutPasswords(text: string): string {
  return text.replace(/(\/\/[^/\s"':]*:)[^/\s"']*@/g, `$1${REDACTED}@`);
}
