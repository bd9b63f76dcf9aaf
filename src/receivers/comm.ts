/** The name of a task: any bytes that the task wrote there. */

const decoder = new TextDecoder('utf-8');

/**
 * The text up to the NUL. Control characters and invalid UTF-8 become U+FFFD: one bad string would make a whole OTLP
 * batch invalid.
 */
export function decodeComm(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, '\uFFFD');
}

/**
 * Numbers that count up: `iou-wrk-1234`, `ksoftirqd/0`, `Thread-3 (run)`, `17-worker`, `gang[2]`, `job.5`. A number
 * right behind a letter or a digit belongs to the name: `python3.11`, `x86_64`.
 */
const COUNTERS = /^\d+[-_/:.#\s]+|(?<=\D)(?:\s*[-_/:#]\s*\d+)+(?=$|[-_/:#\s])|(?<=\p{L})[.\s]\d+$|\[\d+\]/gu;

/**
 * The name under which kills of a process are counted, without numbers that count up, each of which would be a series.
 * All kworkers, such as `kworker/3:1-events`, are one name.
 */
export function normaliseComm(comm: string): string {
  if (comm.startsWith('kworker/')) return 'kworker';
  const name = comm.replace(COUNTERS, '');
  return name === '' ? comm : name;
}

/** The bytes of a text in the kernel's log, which writes backslashes and what is not printable ASCII as \xHH. */
export function bytesOf(text: string): Buffer {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(bytes, 'latin1');
}

/** A name of a task in the kernel's log. */
export function decodeLogged(text: string): string {
  return decodeComm(bytesOf(text));
}
