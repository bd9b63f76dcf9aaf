/** Numbers for people. Unknown is `–`, never 0. */

export const UNKNOWN = '–';

type Unknown = null | undefined;

/** Three digits: `0.0123`, `1.23`, `12.3`, `1,230`. */
export function count(value: number | Unknown): string {
  if (value == null) return UNKNOWN;
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 3 }).format(value);
}

export function micros(us: number | Unknown): string {
  if (us == null) return UNKNOWN;
  if (us >= 1e6) return `${count(us / 1e6)} s`;
  return us >= 1000 ? `${count(us / 1000)} ms` : `${count(us)} µs`;
}

export function seconds(s: number | Unknown): string {
  return s == null ? UNKNOWN : micros(s * 1e6);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(value: number | Unknown): string {
  if (value == null) return UNKNOWN;
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  return `${count(value / 1024 ** power)} ${UNITS[power]}`;
}

/** @param share 1 is all of the time; several threads wait for more than that */
export function percent(share: number | Unknown): string {
  if (share == null) return UNKNOWN;
  if (share > 0 && share < 0.01) return '<1 %';
  return `${new Intl.NumberFormat('en', { maximumFractionDigits: 0 }).format(share * 100)} %`;
}

/** How long ago, such as `12 s`, `3 min`, `2 h`, `4 days`. */
export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 2 * 86_400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} days`;
}
