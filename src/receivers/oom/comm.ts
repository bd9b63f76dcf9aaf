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

/**
 * A number that counts: `iou-wrk-1234`, `ksoftirqd/0`, `Thread-3 (run)`, `17-worker`, `gang[2]`, `job.5`. One that
 * follows a digit or a letter belongs to the name: `python3.11`, `x86_64`.
 */
const COUNTERS = /^\d+[-_/:.#\s]+|(?<=\D)(?:\s*[-_/:#]\s*\d+)+(?=$|[-_/:#\s])|(?<=\p{L})[.\s]\d+$|\[\d+\]/gu;

/**
 * The name that the kills of a process are counted under: without the numbers of those whose names count up, each of
 * which would be a series. `kworker/3:1-events` and its many siblings are one: the kernel itself.
 */
export function normaliseComm(comm: string): string {
  if (comm.startsWith('kworker/')) return 'kworker';
  const name = comm.replace(COUNTERS, '');
  return name === '' ? comm : name;
}
