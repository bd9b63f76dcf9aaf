/** Reads a collector's answer to an export: accepted, or accepted in part and why. */
import { fields } from './protobuf.ts';

/** An answer with a successful status whose body is none of OTLP's. */
export class NoOtlpError extends Error {}

/** An endpoint's remark on an export that it accepted. */
export interface Remark {
  /** The number of rejected data points or records; 0 for a warning. */
  readonly rejected: number;
  /** The endpoint's own words, in one line of bounded length; may be empty. */
  readonly message: string;
}

/**
 * The partial success of an ExportMetricsServiceResponse or ExportLogsServiceResponse, which have the same fields.
 *
 * @param type the content type, where the transport has one
 * @returns null for a full success
 * @throws {@link NoOtlpError} for another answer, such as a web page
 */
export function readAnswer(body: Buffer, type = ''): Remark | null {
  if (body.length === 0) return null;
  const kind = type.split(';', 1)[0]?.trim().toLowerCase();
  try {
    if (kind === 'application/json') return ofJson(body.toString());
    if (kind === '' || kind === 'application/x-protobuf' || kind === 'application/protobuf') return ofProtobuf(body);
  } catch {} // something else goes by that name
  throw new NoOtlpError(`answers what is no OTLP: ${excerptOf(body, type)}`);
}

function ofProtobuf(body: Buffer): Remark | null {
  const { 1: partial } = Object.fromEntries(fields(body));
  if (partial === undefined) return null;
  if (!Buffer.isBuffer(partial)) throw new TypeError('A partial success is a message');
  const { 1: rejected = 0, 2: message = '' } = Object.fromEntries(fields(partial));
  return remarkOf(rejected, message);
}

function ofJson(body: string): Remark | null {
  const answer = JSON.parse(body) as { partialSuccess?: Record<string, unknown> | null } | null;
  if (typeof answer !== 'object' || answer === null) throw new TypeError('An answer is an object');
  const { rejectedDataPoints, rejectedLogRecords, errorMessage } = answer.partialSuccess ?? {};
  return remarkOf(rejectedDataPoints ?? rejectedLogRecords ?? 0, errorMessage ?? '');
}

/** A partial success without rejected items and without a message is a full success. */
function remarkOf(count: unknown, words: unknown): Remark | null {
  const rejected = Math.max(0, Number(count) || 0);
  const message = excerpt(String(words));
  return rejected === 0 && message === '' ? null : { rejected, message };
}

/** The message in the body of an error, for people: that of a google.rpc.Status, else the body's beginning. */
export function excerptOf(body: Buffer, type = ''): string {
  const kind = type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (body.length === 0) return '';
  if (kind.includes('html') || /^\s*<(!doctype|html)/i.test(body.subarray(0, 200).toString())) {
    const [, title = ''] = /<title[^>]*>([^<]*)/i.exec(body.toString()) ?? [];
    return `a web page${title.trim() === '' ? '' : ` with the title "${excerpt(title)}"`}`;
  }
  if (kind.startsWith('text/') || kind.includes('json')) return excerpt(body.toString());
  try {
    const { 2: message = '' } = Object.fromEntries(fields(body));
    return excerpt(String(message));
  } catch {
    return `${body.length} bytes of ${kind === '' ? 'no type' : excerpt(kind)}`;
  }
}

const MAX_LENGTH = 300;

/** Shortens a text to one line of bounded length. */
export function excerpt(text: string): string {
  const line = text
    .slice(0, 4 * MAX_LENGTH)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
}
