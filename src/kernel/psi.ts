/** PSI, what the kernel itself measures of tasks that wait for memory. */
import { readFileSync } from 'node:fs';
import type { RawPath } from './raw-path.ts';

export const WINDOWS = ['avg10', 'avg60', 'avg300'] as const;
export type Window = (typeof WINDOWS)[number];

/** Documentation/accounting/psi.rst. */
export interface PressureLine {
  /** Shares of time in percent, over the last 10, 60 and 300 s. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Time since the beginning, in µs. */
  readonly totalUs: number;
}

export interface Pressure {
  /** At least one task waited for memory. */
  readonly some: PressureLine;
  /** All non-idle tasks waited for memory. */
  readonly full: PressureLine;
}

/** The reason why pressure cannot be read. */
export type PressureReason = 'missing' | 'disabled' | 'forbidden' | 'malformed';

export class PressureError extends Error {
  override name = 'PressureError';
  readonly reason: PressureReason;

  constructor(reason: PressureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * The score from 0 to 100: the mean of the shares of time in which some and in which all tasks waited.
 *
 * clamp(0.5·some + 0.5·full, 0, 100)
 */
export function pressureScore({ some, full }: Pressure, window: Window): number {
  return Math.min(Math.max(0.5 * some[window] + 0.5 * full[window], 0), 100);
}

/** @throws {@link PressureError} with the reason and the cure */
export function readPressure(
  path: RawPath,
  read: (path: RawPath) => string = (path) => readFileSync(path, 'utf8'),
): Pressure {
  let text: string;
  try {
    text = read(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PressureError(...unreadable(path, code));
  }
  const pressure = parsePressure(text);
  if (pressure === null) throw new PressureError('malformed', `${path} does not look like pressure information`);
  return pressure;
}

/** The text of a pressure file, or null when it is none. */
export function parsePressure(text: string): Pressure | null {
  const some = parseLine(text, 'some');
  const full = parseLine(text, 'full');
  return some === null || full === null ? null : { some, full };
}

const LINES = { some: lineOf('some'), full: lineOf('full') } as const;

function lineOf(kind: string): RegExp {
  return new RegExp(`^${kind} avg10=(\\d+\\.\\d+) avg60=(\\d+\\.\\d+) avg300=(\\d+\\.\\d+) total=(\\d+)$`, 'm');
}

/** One line of a pressure file; null where it is not there. */
export function parseLine(text: string, kind: keyof typeof LINES): PressureLine | null {
  const [, avg10, avg60, avg300, totalUs] = (LINES[kind].exec(text) ?? []).map(Number);
  if (avg10 === undefined || avg60 === undefined || avg300 === undefined || totalUs === undefined) return null;
  return { avg10, avg60, avg300, totalUs };
}

function unreadable(path: RawPath, code: string | undefined): [PressureReason, string] {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return ['missing', `there is no ${path}: the kernel is built without CONFIG_PSI, or the cgroup is gone`];
    case 'EOPNOTSUPP':
    case 'ENOTSUP':
      return ['disabled', `${path} is switched off: boot the kernel with psi=1`];
    case 'EACCES':
    case 'EPERM':
      return ['forbidden', `this process may not read ${path}`];
    default:
      return ['malformed', `${path} cannot be read: ${code}`];
  }
}
