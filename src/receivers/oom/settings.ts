import { setting, type ValuesOf } from '../../settings/setting.ts';
import { integer } from '../../settings/shapes.ts';
import { ringBytes } from '../ring-bytes.ts';

export const settings = {
  max_series: setting(1000, integer(1, 100_000), 'How many series of victims are kept; the most recent ones stay'),
  retain_ms: setting(
    86_400_000,
    integer(60_000, 31_536_000_000),
    'How long a series of victims is kept after its last kill, in ms; with a day, the kills of the night are still there in the morning',
  ),
  ring_bytes: setting(
    262_144,
    ringBytes,
    'Size of the ring buffer for the details of kills, in bytes, a power of two; kills without room are counted under victim_comm="unknown"',
    { needsRestart: true },
  ),
};

export type OomSettings = ValuesOf<typeof settings>;
