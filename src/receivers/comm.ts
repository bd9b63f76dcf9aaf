/** A task's name, which is whatever bytes the task wrote there. */

const decoder = new TextDecoder('utf-8');

/**
 * The text up to the NUL, as valid UTF-8 without control characters: each of those, and every broken sequence,
 * becomes U+FFFD. One bad string would make a whole OTLP batch invalid.
 */
export function decodeComm(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, '\uFFFD');
}

/** `kworker/3:1-events` and its many siblings are one trigger: the kernel itself. */
export function normaliseComm(comm: string): string {
  return comm.startsWith('kworker/') ? 'kworker' : comm;
}
