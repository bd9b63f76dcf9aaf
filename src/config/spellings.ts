/** Other ways to write settings, as people know them from the collector, Prometheus and Kubernetes. */
import { shapeOf } from '../settings/setting.ts';
import type { JsonSchema } from '../settings/shapes.ts';
import { show } from '../settings/show.ts';
import { keys, settingOf } from './keys.ts';

export interface Spelling {
  /** The keys of the settings that it stands for, such as `exporters.otlp.interval_ms`. */
  readonly of: readonly string[];
  readonly doc: string;
  readonly json: JsonSchema;
  /** @returns the values of these settings, or what the value must be */
  read(value: unknown): readonly unknown[] | string;
}

/** In ms. */
const DURATIONS: ReadonlyMap<string, number> = new Map(
  Object.entries({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }),
);
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/;

/** `1m30s` → 90000, in ms; null for anything else. */
export function durationMs(text: unknown): number | null {
  if (typeof text !== 'string' || !DURATION.test(text)) return null;
  const parts = Array.from(text.matchAll(/([\d.]+)([a-z]+)/g));
  const ms = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (DURATIONS.get(unit) ?? 0), 0);
  return Number(ms.toFixed(6));
}

/** `90000` → `90s`: with the largest unit that makes it whole. */
export function durationText(ms: number): string {
  const [unit, size] = [...DURATIONS].findLast(([, of]) => ms % of === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

const SIZES: ReadonlyMap<string, number> = new Map(
  Object.entries({ B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }),
);
const SIZE = /^(\d+(?:\.\d+)?) ?([kKMG]i?B|B)$/;

/** `256KiB` → 262144; null for anything else. */
export function sizeBytes(text: unknown): number | null {
  const [, number, unit = ''] = SIZE.exec(typeof text === 'string' ? text : '') ?? [];
  const size = SIZES.get(unit);
  return size === undefined ? null : Number(number) * size;
}

/** `interval` for `interval_ms`. */
function duration(key: string): Spelling {
  const setting = settingOf(key);
  const { minimum = 0, maximum = 0 } = shapeOf(setting).json as { minimum?: number; maximum?: number };
  const be = `must be a duration from ${durationText(minimum)} to ${durationText(maximum)}, such as ${durationText(setting.default as number)}`;
  return {
    of: [key],
    doc: `${setting.doc?.replace(/, in ms\b/, '')}: a duration such as 500ms, 30s, 5m or 1h`,
    json: { type: 'string', pattern: DURATION.source },
    read(value) {
      const ms = durationMs(value);
      return ms === null || shapeOf(setting).problems(ms, '').length > 0 ? be : [ms];
    },
  };
}

/** `ring` for `ring_bytes`. */
function size(key: string): Spelling {
  const setting = settingOf(key);
  return {
    of: [key],
    doc: `${setting.doc?.replace(/, in bytes\b/, '')}: a size such as 256KiB or 64MB`,
    json: { type: 'string', pattern: SIZE.source },
    read(value) {
      const bytes = sizeBytes(value);
      if (bytes === null) return 'must be a size, such as 256KiB';
      const [problem] = shapeOf(setting).problems(bytes, '');
      return problem === undefined ? [bytes] : `${problem.slice(2)} bytes`;
    },
  };
}

const LISTEN = /^(?:\[([\da-fA-F:.]+)\]|([A-Za-z0-9_.-]*)):(\d{1,5})$/;

/** `0.0.0.0:9464`; `:9464` is every address, as in Prometheus. */
const listening: Spelling = {
  of: ['exporters.prometheus.host', 'exporters.prometheus.port'],
  doc: 'Address and port to listen on, such as "0.0.0.0:9464", in place of host and port',
  json: { type: 'string', pattern: LISTEN.source },
  read(value) {
    const [match, six, host = '', port] = LISTEN.exec(typeof value === 'string' ? value : '') ?? [];
    if (match === undefined || Number(port) > 65535) {
      return 'must be an address and a port, such as "127.0.0.1:9464", "[::1]:9464", or ":9464" for every address';
    }
    return [six ?? (host === '' ? '0.0.0.0' : host), Number(port)];
  },
};

/** A text or a boolean in small letters; empty for anything else, which may have no text at all. */
function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'boolean' ? String(value).toLowerCase() : '';
}

/** One word for another, in any case. */
function words(of: string, doc: string, meanings: Readonly<Record<string, string>>): Spelling {
  const known = Object.keys(meanings);
  return {
    of: [of],
    doc,
    json: { type: 'string', pattern: `^(?:${known.join('|')}|${known.join('|').toUpperCase()})$` },
    read(value) {
      const word = wordOf(value);
      return Object.hasOwn(meanings, word) ? [meanings[word]] : `must be one of ${known.join(', ')}`;
    },
  };
}

/** Whether an endpoint without a scheme is reached without TLS; completeEndpoints() takes it out of the values. */
function insecure(type: string): [string, Spelling] {
  const key = `exporters.${type}.tls.insecure`;
  const read = (value: unknown) =>
    ['true', 'false'].includes(wordOf(value)) ? [wordOf(value) === 'true'] : 'must be true or false';
  return [key, { of: [key], doc: 'No TLS, for an endpoint without a scheme', json: { type: 'boolean' }, read }];
}

/** By key, such as `exporters.otlp.interval`. */
export const spellings: ReadonlyMap<string, Spelling> = new Map<string, Spelling>([
  ...keys.flatMap((key): [string, Spelling][] => {
    if (key.endsWith('_ms')) return [[key.slice(0, -'_ms'.length), duration(key)]];
    return key.endsWith('_bytes') ? [[key.slice(0, -'_bytes'.length), size(key)]] : [];
  }),
  ['exporters.prometheus.endpoint', listening],
  insecure('otlp'),
  insecure('otlphttp'),
  [
    'service.telemetry.logs.level',
    words('service.telemetry.log_level', 'The lowest level of the log, as the collector has it', {
      ...{ debug: 'debug', info: 'info', warn: 'warn', error: 'error' },
    }),
  ],
  [
    'service.telemetry.logs.encoding',
    words('service.telemetry.log_format', 'The form of the log, as the collector has it: json or console', {
      ...{ json: 'json', console: 'text' },
    }),
  ],
]);

/** A problem of a value, with the value where it may be shown. */
export function problemOf(key: string, problem: string, value: unknown, isShown: boolean): string {
  return `${key}: ${problem}${isShown ? `, not ${show(value)}` : ''}`;
}
